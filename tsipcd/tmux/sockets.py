"""Where tmux servers listen: the usual folder, configured ones, and what callers tell. Looks and probes."""

from __future__ import annotations

import errno
import os
import socket
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

YOUNG_S = 3.0
"""A socket is that young while its server may not have begun to listen."""

MAX_SERVERS = 1000
MAX_LEARNED = 256
MAX_PATH_BYTES = 107
"""Of a Unix socket. A longer one cannot be tmux's."""


class Sockets:
    """All places to look at, and a cheap answer to whether anything changed there."""

    def __init__(self, configured: Callable[[], Iterable[Path]]) -> None:
        self._configured = configured
        self._learned: OrderedDict[Path, None] = OrderedDict()
        self._seen: object = None

    def learn(self, path: Path) -> bool:
        """Look there too from now on: at a socket, or at a folder as `TMUX_TMPDIR` names one.

        Whether that is news. Of a socket in a folder of tmux's own making, all the folder is looked at.
        """
        name = f"tmux-{os.getuid()}"
        place = path.parent if path.parent.name == name else path
        if place.name != name and not _is_socket(place):
            place /= name
        is_news = place not in self.places()
        self._learned[place] = None
        self._learned.move_to_end(place)
        if len(self._learned) > MAX_LEARNED:
            self._learned.popitem(last=False)
        return is_news

    def places(self) -> list[Path]:
        """Folders and sockets to look at, the usual folder first; some may not exist."""
        usual = _usual(os.environ.get("TMUX_TMPDIR") or "/tmp", os.getuid())  # noqa: S108 - tmux's own
        return list(dict.fromkeys((usual, *self._configured(), *self._learned)))

    @property
    def changed(self) -> bool:
        """Whether a socket may have come or gone since the last `scan`."""
        return self._signature() != self._seen

    def scan(self) -> list[Path]:
        """The sockets of ours that exist, by their real paths, dead ones too."""
        self._seen = self._signature()
        found: dict[Path, None] = {}
        for place in self.places():
            for path in (place,) if _is_socket(place) else _entries(place):
                if _is_ours(path):
                    found[Path(os.path.realpath(path))] = None
        return [path for path in found if len(os.fsencode(path)) <= MAX_PATH_BYTES][:MAX_SERVERS]

    def _signature(self) -> object:
        return [(place, _stamp(place)) for place in self.places()]


def answers(path: Path) -> bool:
    """Whether a process listens at the socket. A stopped one does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        # A full backlog (EAGAIN) is a server that does not keep up.
        return probe.connect_ex(os.fspath(path)) in {0, errno.EAGAIN, errno.EINPROGRESS}


def is_young(path: Path) -> bool:
    """Whether the socket was made, or changed hands, in the last moments."""
    try:
        return abs(time.time() - path.stat().st_ctime) < YOUNG_S
    except OSError:
        return False


@lru_cache(maxsize=16)
def _usual(parent: str, uid: int) -> Path:
    """The same object each time: every send looks there, and to make the path takes longer than the look."""
    return Path(parent) / f"tmux-{uid}"


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        seen = os.stat(path)  # noqa: PTH116 - on the hot path
    except OSError:
        return None
    # tmux changes the mode of a socket when clients come and go: only a folder's time means something.
    return (seen.st_ino, seen.st_mtime_ns if stat.S_ISDIR(seen.st_mode) else 0)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:
        return False


def _is_ours(path: Path) -> bool:
    try:
        seen = path.stat()
    except OSError:
        return False
    return stat.S_ISSOCK(seen.st_mode) and seen.st_uid == os.getuid()
