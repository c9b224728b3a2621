"""Backups: a cold copy put back, into the same place and another, beside panes that went on meanwhile.

Nothing that was never typed counts as typed, and nothing is typed a second time without being asked about.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tests.upkeep.conftest import ts_ipc
from tsipcd.core.outrun import Outrun

SOON_S = 60.0


def typed(tmux: Tmux, session: str, word: str) -> int:
    """How often the shell of `session` printed `word`."""
    return tmux.run("capture-pane", "-p", "-S", "-", "-t", f"={session}:").splitlines().count(word)


def send(daemon: Daemon, target: str, word: str) -> str:
    return str(daemon.call("send", source="me", target=target, message=f"echo {word}")["id"])


def deliver(daemon: Daemon, tmux: Tmux, target: str, word: str) -> str:
    """Send and wait until the shell has printed it, once."""
    message = send(daemon, target, word)
    until(lambda: daemon.status_of(message) == "delivered", what=f"{word} delivered", within_s=SOON_S)
    until(lambda: typed(tmux, target, word) == 1, what=f"{word} typed", within_s=SOON_S)
    return message


@contextmanager
def full_screen(tmux: Tmux, session: str) -> Iterator[None]:
    """A pane in copy mode: what is sent there is held."""
    tmux.run("copy-mode", "-t", f"={session}:")
    yield
    tmux.run("send-keys", "-t", f"={session}:", "-X", "cancel")


def copy_of(daemon: Daemon, to: Path) -> Path:
    """A backup as docs/operations.md says: stop, copy, start."""
    daemon.close()
    shutil.copytree(daemon.directory, to)
    daemon.start()
    return to


def put_back(daemon: Daemon, backup: Path) -> None:
    daemon.close()
    shutil.rmtree(daemon.directory)
    shutil.copytree(backup, daemon.directory)
    daemon.start()


def without_the_comparison() -> None:
    """Never look at how far panes are ahead of the journal."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Outrun, "server_seen", lambda *_: None)
    patch.setattr(Outrun, "checked", lambda _self, _turn, answer: answer)


def held_for(daemon: Daemon, message: str) -> Callable[[], bool]:
    return lambda: daemon.status_of(message) == "held"


@pytest.fixture
def world(daemon: Daemon, tmux: Tmux) -> tuple[Daemon, Tmux]:
    for name in ("one", "two"):
        tmux.session(name)
    deliver(daemon, tmux, "one", "first")
    return daemon, tmux


def test_a_backup_that_is_not_old(world: tuple[Daemon, Tmux], tmp_path: Path) -> None:
    """Nothing happened since: what waited is delivered, once, without a question."""
    daemon, tmux = world
    with full_screen(tmux, "one"):
        waiting = send(daemon, "one", "waited")
        until(held_for(daemon, waiting), what="held", within_s=SOON_S)
        put_back(daemon, copy_of(daemon, tmp_path / "backup"))
        assert daemon.status_of(waiting) == "held"
    until(lambda: daemon.status_of(waiting) == "delivered", what="delivery", within_s=SOON_S)
    until(lambda: typed(tmux, "one", "waited") == 1, what="typed", within_s=SOON_S)
    deliver(daemon, tmux, "one", "after")
    assert typed(tmux, "one", "waited") == typed(tmux, "one", "after") == 1


def test_an_old_backup_beside_living_panes(world: tuple[Daemon, Tmux], tmp_path: Path) -> None:
    """What waited then and was typed since is in doubt, not typed again; what is new is typed, each once."""
    daemon, tmux = world
    with full_screen(tmux, "one"):
        waiting = send(daemon, "one", "waited")
        until(held_for(daemon, waiting), what="held", within_s=SOON_S)
        backup = copy_of(daemon, tmp_path / "backup")
    until(lambda: typed(tmux, "one", "waited") == 1, what="typed once", within_s=SOON_S)
    for number in range(5):
        deliver(daemon, tmux, "one", f"since-{number}")
    put_back(daemon, backup)
    until(lambda: daemon.status_of(waiting) == "in-doubt", what="in doubt", within_s=SOON_S)
    for session in ("two", "one"):
        for number in range(7):
            deliver(daemon, tmux, session, f"new-{session}-{number}")
    assert typed(tmux, "one", "waited") == 1
    assert all(typed(tmux, "one", f"since-{number}") == 1 for number in range(5))
    daemon.call("resolve", id=waiting, decision="redeliver")
    until(lambda: typed(tmux, "one", "waited") == 2, what="typed again when asked to", within_s=SOON_S)


def test_an_old_backup_survives_another_crash(world: tuple[Daemon, Tmux], tmp_path: Path) -> None:
    """Numbers stay behind those of the panes in the next lives too."""
    daemon, tmux = world
    backup = copy_of(daemon, tmp_path / "backup")
    for number in range(5):
        deliver(daemon, tmux, "one", f"since-{number}")
    put_back(daemon, backup)
    deliver(daemon, tmux, "two", "other-pane")
    daemon.kill()
    daemon.start()
    deliver(daemon, tmux, "one", "new")
    assert daemon.call("status")["waiting"] == 0


def test_a_copy_that_runs_beside_the_original(
    world: tuple[Daemon, Tmux], short_path: Path, tmp_path: Path
) -> None:
    """Restored into another folder: both count on, and what each sends is typed, once."""
    daemon, tmux = world
    backup = copy_of(daemon, tmp_path / "backup")
    shutil.copytree(backup, short_path / "ipc2")
    other = Daemon(short_path / "ipc2", {"TMUX_TMPDIR": str(tmux.folder)})
    other.start()
    try:
        for number in range(4):
            deliver(daemon, tmux, "one", f"original-{number}")
            deliver(other, tmux, "one", f"copy-{number}")
    finally:
        other.close()
    for number in range(4):
        assert typed(tmux, "one", f"original-{number}") == typed(tmux, "one", f"copy-{number}") == 1


def test_without_the_comparison_typing_would_be_claimed(world: tuple[Daemon, Tmux], tmp_path: Path) -> None:
    """The negative control: an old backup then says of a new message that it was typed, and it was not."""
    daemon, tmux = world
    backup = copy_of(daemon, tmp_path / "backup")
    for number in range(3):
        deliver(daemon, tmux, "one", f"since-{number}")
    weak = Daemon(
        daemon.directory, daemon.environment, weakened="tests.upkeep.test_backup:without_the_comparison"
    )
    put_back(daemon, backup)
    daemon.close()
    weak.start()
    try:
        message = send(weak, "one", "new")
        until(lambda: weak.status_of(message) == "delivered", what="a claim", within_s=SOON_S)
        deliver(weak, tmux, "two", "elsewhere")
        assert typed(tmux, "one", "new") == 0
    finally:
        weak.close()


def test_a_salvaged_journal_beside_living_panes(world: tuple[Daemon, Tmux]) -> None:
    """What was cut off took a delivery with it: that message is in doubt, not typed again; new ones are."""
    daemon, tmux = world
    with full_screen(tmux, "one"):
        waiting = send(daemon, "one", "waited")
        until(held_for(daemon, waiting), what="held", within_s=SOON_S)
        daemon.close()
        (segment,) = (daemon.directory / "journal").glob("*.seg")
        whole = len(segment.read_bytes().rstrip(b"\0"))
        daemon.start()
    until(lambda: daemon.status_of(waiting) == "delivered", what="delivered", within_s=SOON_S)
    deliver(daemon, tmux, "one", "since")
    daemon.close()
    (segment,) = (daemon.directory / "journal").glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[whole + 30] ^= 1
    segment.write_bytes(content)
    assert ts_ipc(daemon.directory, "fsck", "--salvage").status == 0
    daemon.start()
    until(lambda: daemon.status_of(waiting) == "in-doubt", what="in doubt", within_s=SOON_S)
    deliver(daemon, tmux, "one", "new")
    assert typed(tmux, "one", "waited") == 1
