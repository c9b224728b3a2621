"""What lies in the state folder and is no plain file of ours: never followed, waited for or written to.

Each kind at each path that the daemon opens. Either the daemon serves and does all its work, or it gives up
with a sentence that names the path.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.effort import EFFORT, Effort
from tests.security.conftest import KINDS, VICTIM, plant, settle, ts_ipc, untouched
from tests.support.daemon import Answer, Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipcd.views import folder as views_folder

WITHOUT_IT = (
    *("events.log", "events.log.1", "events.position", "b.data", "queue/msg-1.json", "queue/not-all.txt"),
    *("queue/.tmp-0", ".tmp-0", ".tmp-1", "workflows/.tmp-0", "runs/run-7", "runs/.tmp-0"),
    *("tmux/text-0", "tmux/leash-0"),
)
"""Paths that the daemon can do without."""

NEEDED = (
    *("lock", "ipc.sock", "config.toml", "queue", "workflows", "runs", "journal"),
    *(
        "journal/0000000000000001.seg",
        "journal/0000000000000000.new",
        "journal/0000000000000009.snap",
        "journal/x.tmp",
    ),
)
"""Where something planted may keep it from starting."""

COMMON = ("link", "hard link", "pipe", "folder")
"""The kinds that anybody's test run plants everywhere; CI plants all."""

STEP_KINDS = ("link", "pipe") if EFFORT is Effort.SHARE else ("link", "hard link", "pipe", "device")
STEP_PATHS = ("runs/run-1", "runs/run-1/1.log", "runs/run-1/1", "runs/run-1/1/step")


def follow_links() -> None:
    """Without the safeguard: files are opened as they come."""
    vars(views_folder)["_FILE"] = os.O_CLOEXEC
    setattr(views_folder.Folder, "_checked", lambda _self, _name, fd: fd)  # noqa: B010 - past the type checker


def work(daemon: Daemon) -> None:
    """A bit of everything that touches the folder."""
    daemon.call("subscribe", session="b", event="e")
    daemon.call("send", source="a", target="b", message="data for b", type="data")
    daemon.call("workflow", name="w", steps=[{"session": "b", "command": "true"}])
    daemon.call("sessions")


def logged(daemon: Daemon) -> bool:
    path = daemon.directory / "events.log"
    return path.is_file() and not path.is_symlink() and b"DELIVER" in path.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_around_what_it_does_not_need(make: Callable[..., Daemon], victim: Path, kind: str) -> None:
    """With one of them at each of these paths at once, everything is served, and what links lead to stays."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    for path in WITHOUT_IT:
        if kind != "folder" or path not in ("events.log", "events.position", "b.data", "queue/msg-1.json"):
            plant(daemon.directory / path, kind, victim)
    daemon.launch()
    assert settle(daemon), daemon.log.read_text()
    work(daemon)
    until(lambda: logged(daemon), what="the log is written", within_s=60)
    assert (daemon.directory / "b.data").read_bytes() == b"data for b"
    assert daemon.call("events")["lines"]
    untouched(victim)


def test_with_the_checks_off_a_link_is_written_through(make: Callable[..., Daemon], victim: Path) -> None:
    """The test above can fail."""
    daemon = make(weakened=f"{__name__}:{follow_links.__name__}")
    daemon.directory.mkdir(mode=0o700)
    plant(daemon.directory / "events.log", "link", victim)
    daemon.start()
    work(daemon)
    until(lambda: victim.read_bytes() != VICTIM, what="the victim is written to")


@pytest.mark.parametrize("kind", COMMON if EFFORT is Effort.SHARE else KINDS)
@pytest.mark.parametrize("path", NEEDED)
def test_it_serves_or_says_which_path_is_wrong(
    make: Callable[..., Daemon], victim: Path, path: str, kind: str
) -> None:
    """It never hangs, and never goes on with what is not its own."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    plant(daemon.directory / path, kind, victim)
    daemon.launch()
    if settle(daemon):
        work(daemon)
    else:
        told = daemon.log.read_text()
        assert str(daemon.directory / path) in told
        assert "Traceback" not in told
    untouched(victim)


@pytest.mark.parametrize("kind", ["folder", "device", "socket"])
@pytest.mark.parametrize("path", ["events.log", "b.data", "subscriptions.json", "workflows/w.json"])
def test_what_cannot_be_replaced_costs_only_itself(
    make: Callable[..., Daemon], victim: Path, path: str, kind: str
) -> None:
    """The request that needs it is refused and names it; or the daemon says at its start what is wrong."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    plant(daemon.directory / path, kind, victim)
    daemon.launch()
    if not settle(daemon):
        assert path == "events.log"
        assert f"{daemon.directory / path}" in daemon.log.read_text()
        return
    answers = [
        call(daemon.socket_path, "subscribe", session="b", event="e"),
        call(daemon.socket_path, "workflow", name="w", steps=[{"session": "b", "command": "true"}]),
    ]
    refused = [answer["error"]["message"] for answer in answers if "error" in answer]
    assert all(path in message or "workflow w" in message for message in refused), refused
    assert daemon.call("queue")["waiting"] == 0


@pytest.mark.parametrize("kind", COMMON if EFFORT is Effort.SHARE else (*COMMON, "dangling", "device"))
@pytest.mark.parametrize("path", ["start.lock", "daemon.log", "lock"])
def test_the_client_starts_no_daemon_through_it(short_path: Path, victim: Path, path: str, kind: str) -> None:
    """It opens these itself: it does not hang, and says what is wrong."""
    directory = short_path / "ipc"
    directory.mkdir(mode=0o700)
    plant(directory / path, kind, victim)
    status, _, told = ts_ipc(directory, "queue", TMUX_TMPDIR=str(short_path))
    assert status == 69, told
    assert path in told
    assert "Traceback" not in told
    assert not (directory / "ipc.sock").exists()
    untouched(victim)


@pytest.mark.parametrize("kind", KINDS)
def test_the_client_shows_no_log_but_a_plain_file(short_path: Path, victim: Path, kind: str) -> None:
    """`ts-ipc daemon logs` reads the log to its end, and a pipe has none."""
    directory = short_path / "ipc"
    directory.mkdir(mode=0o700)
    plant(directory / "daemon.log", kind, victim)
    status, shown, _ = ts_ipc(directory, "daemon", "logs", XDG_CONFIG_HOME=str(short_path))
    assert (status, shown) == ((0, VICTIM.decode()) if kind == "hard link" else (7, ""))


@pytest.mark.parametrize("kind", KINDS)
def test_a_neighbours_file_that_is_none_counts_as_absent(
    make: Callable[..., Daemon], victim: Path, kind: str
) -> None:
    """Links to plain files may be followed there, as the neighbours do; nothing is waited for."""
    daemon = make()
    for path in ("aliases.json", "config.json", "state/session_labels.json"):
        plant(daemon.directory.parent / path, kind, victim)
    daemon.start()
    work(daemon)
    untouched(victim)


def run_one(daemon: Daemon, tmux: Tmux) -> Answer:
    """The end of a run of one step, however it ends."""
    tmux.session("s")
    daemon.start()
    daemon.call("workflow", name="w", steps=[{"session": "s", "command": "echo done"}])
    answer = call(daemon.socket_path, "run", name="w")
    assert "result" in answer, answer
    return answer["result"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("path", "kind"), list(itertools.product(STEP_PATHS, STEP_KINDS)))
def test_a_step_is_not_run_from_what_is_planted(
    make: Callable[..., Daemon], tmux: Tmux, victim: Path, path: str, kind: str
) -> None:
    """The run fails and says which file it is; the daemon goes on, and the shell has run nothing."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    plant(daemon.directory / path, kind, victim)
    ended = run_one(daemon, tmux)
    assert ended["status"] == "failure", ended
    assert path in ended["steps"][0]["reason"]
    assert "done" not in tmux.screen("s")
    assert daemon.call("queue")["waiting"] == 0
    untouched(victim)


def test_without_anything_planted_the_step_runs(make: Callable[..., Daemon], tmux: Tmux) -> None:
    """The runs above fail for the reason that they name."""
    assert run_one(make(), tmux)["status"] == "success"
