"""Where the listening socket comes from."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tsipc_client.wire.address import Address, socket_path
from tsipc_client.wire.errors import Refused
from tsipcd.server.binding import bind


def test_only_the_owner_can_reach_the_socket(short_path: Path) -> None:
    """Folder and socket are private from the first moment, and the process's umask is as before."""
    before = os.umask(0o022)
    try:
        with bind(short_path / "ipc"):
            assert (short_path / "ipc").stat().st_mode & 0o777 == 0o700
            assert (short_path / "ipc/ipc.sock").stat().st_mode & 0o777 == 0o600
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_stale_socket_is_taken_over(short_path: Path) -> None:
    """What a killed daemon left does not stop the next one."""
    bind(short_path).close()
    assert (short_path / "ipc.sock").exists()
    with bind(short_path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(short_path / "ipc.sock"))


def test_a_socket_somebody_listens_on_is_left_alone(short_path: Path) -> None:
    """systemd may hold it; taking its place would leave it listening on nothing."""
    with bind(short_path), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(Refused, match="listens"):
            bind(short_path)
        client.connect(str(short_path / "ipc.sock"))


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(short_path: Path, kind: str) -> None:
    """Nothing of anybody's is removed by mistake."""
    path = short_path / "ipc.sock"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="is no socket"):
        bind(short_path)
    assert path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no way around")
def test_a_long_path_is_bound(short_path: Path) -> None:
    """The folder may lie as deep as it likes, and a stale socket there is found, too."""
    folder = short_path / ("d" * 120)
    bind(folder).close()
    with bind(folder), socket.socket(socket.AF_UNIX) as client, Address(socket_path(folder)) as name:
        client.connect(name)


ACTIVATED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid()) if sys.argv[1] == "ours" else "1"
from tsipcd.server.binding import activated
try:
    found = activated()
except Exception as error:
    print(type(error).__name__, error)
else:
    print(found and found.getsockname(), found and os.get_inheritable(found.fileno()))
print([name for name in os.environ if name.startswith("LISTEN_")])
"""


def started(passed: socket.socket, whose: str = "ours", count: str = "1") -> list[str]:
    """What a process says that got `passed` as descriptor 3, as systemd does it."""
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" 3<&{passed.fileno()}', "bash", sys.executable, "-c", ACTIVATED, whose],
        env={**os.environ, "LISTEN_FDS": count, "LISTEN_FDNAMES": "x", "PYTHONPATH": "."},
        cwd=Path(__file__).resolve().parents[2],
        pass_fds=[passed.fileno()],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.splitlines()


def test_the_socket_of_systemd_is_used(short_path: Path) -> None:
    """It is taken, not passed on to children, and its variables are gone."""
    with bind(short_path) as listener:
        assert started(listener) == [f"{short_path}/ipc.sock False", "[]"]


def test_variables_for_another_process_are_not_ours(short_path: Path) -> None:
    """They are inherited by accident; they go, and our own socket is bound."""
    with bind(short_path) as listener:
        assert started(listener, whose="another's") == ["None None", "[]"]
        assert started(listener, count="")[0] == "None None"


def test_what_systemd_passes_must_listen(short_path: Path) -> None:
    """Another kind of descriptor, or several, is an error that says so."""
    with (
        socket.socket(socket.AF_UNIX) as deaf,
        (short_path / "f").open("w") as file,
        bind(short_path) as right,
    ):
        assert "something else than a listening" in started(deaf)[0]
        assert "Broken" in started(file)[0]  # type: ignore[arg-type] # it has a `fileno`, too
        assert "2 sockets" in started(right, count="2")[0]
