"""Who is at the other end of a connection: what the kernel knows of a socket's peer and of a process.

Everything here may be gone a moment later, and much of it is not there at all outside Linux: unknown is an
answer, never an error.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple

_PROC = Path("/proc")

_MAX_ANCESTORS: Final = 64
"""A chain that is longer is not walked to its end; a shell in a pane is a few steps away."""

_MAX_ENVIRON_BYTES: Final = 1 << 20

_UCRED: Final = struct.Struct("3i")
"""Linux: pid, uid, gid."""

_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2
_XUCRED: Final = struct.Struct("2Ih16I")
"""macOS: version, uid, number of groups, groups."""


class Credentials(NamedTuple):
    """The process that connected."""

    pid: int
    """0: not known."""
    uid: int


def credentials(connection: socket.socket) -> Credentials:
    """Who connected, as the kernel vouches for it. Raises `OSError` if it does not."""
    if sys.platform == "darwin":
        xucred = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size)
        pid = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        return Credentials(pid, _XUCRED.unpack(xucred)[1])
    pid, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Credentials(pid, uid)


def ancestry(pid: int) -> tuple[int, ...]:
    """`pid`, its parent, and so on up to init, then whoever leads its session, and so on.

    A process whose parent has ended is init's child; the terminal that it was started in it still belongs to.
    Empty where the system does not tell.
    """
    chain, session = _line(pid)
    return tuple(dict.fromkeys(chain + (_line(session)[0] if session not in chain else [])))


def _line(pid: int) -> tuple[list[int], int]:
    """`pid` and those above it, and the session of `pid`; 0: none, or not known."""
    chain: list[int] = []
    session = 0
    while pid > 0 and len(chain) < _MAX_ANCESTORS:
        try:
            stat = (_PROC / str(pid) / "stat").read_bytes()
        except OSError:
            break
        # The second field is a name in parentheses that may itself hold anything.
        _, parent, _, leader, *_ = stat[stat.rindex(b")") + 1 :].split(maxsplit=4)
        session = session if chain else int(leader)
        chain.append(pid)
        pid = int(parent)
    return chain, session


def tmux_sockets(pid: int) -> tuple[Path, ...]:
    """Where the environment of `pid` says that tmux servers listen: the one it runs in, the default one.

    Empty if it is another user's process, or the system does not tell.
    """
    try:
        with (_PROC / str(pid) / "environ").open("rb") as file:
            entries = file.read(_MAX_ENVIRON_BYTES).split(b"\0")
    except OSError:
        return ()
    environment = dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)
    paths = []
    if inside := environment.get(b"TMUX"):
        # PATH,PID,SESSION: the path itself may hold commas.
        paths.append(inside.rsplit(b",", 2)[0])
    folder = environment.get(b"TMUX_TMPDIR") or b"/tmp"
    paths.append(folder + b"/tmux-%d/default" % os.geteuid())
    return tuple(Path(os.fsdecode(path)) for path in dict.fromkeys(paths) if path.startswith(b"/"))
