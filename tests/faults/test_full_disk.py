"""Disks that are really full: new work is refused before it is accepted, everything else goes on.

Full are: a file system's blocks, its inodes, all but its reserve, a quota, a limit on the size of files. The
outcomes of accepted work are still recorded, also by a daemon that starts on the full disk; it recovers by
itself when there is room, and nothing acknowledged is lost or typed twice.
"""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import DISKS, Disk, Tmpfs, mounted
from tests.faults.effort import count
from tests.faults.ledger import PATIENCE_S, SESSION, Ledger, ledger
from tests.faults.tally import Tally
from tests.support.daemon import call
from tests.support.wait import until

BIG = "x" * 900_000
MANY = 30
"""As many large messages fill the disks that are used here."""


@pytest.fixture(params=DISKS[: count(2, len(DISKS))], ids=lambda kind: kind.__name__)
def disk(request: pytest.FixtureRequest, short_path: Path) -> Iterator[Disk]:
    with mounted(request.param(short_path / "disk")) as made:
        yield made


@pytest.fixture
def book() -> Iterator[Ledger]:
    with ledger() as made:
        yield made


def send_big(book: Ledger, number: int) -> str:
    """A large message that waits for somebody to attach: empty, or the error's code."""
    request = {
        "source": "test",
        "target": SESSION,
        "type": "notification",
        "message": BIG,
        "key": f"big{number}",
    }
    answer = call(book.daemon.socket_path, "send", **request)
    if "result" in answer:
        book.kept.append(answer["result"]["id"])
        return ""
    return str(answer["error"]["data"]["code"])


def fill_up(book: Ledger) -> None:
    """Send until the daemon takes no more; it says so, and goes on to say so."""
    answers = []
    for number in range(MANY):
        answers.append(send_big(book, number))
        if answers[-1]:
            break
    assert answers[-1] == "storage_full", answers
    assert set(answers[:-1]) <= {""}
    until(lambda: book.daemon.call("status")["storage_low"], what="status says that room is low")
    assert book.send("refused") == "storage_full"


def occupy(book: Ledger) -> None:
    """Something runs in the shell, once it has done what was typed, and a message waits for its end."""
    book.expect_all_once()
    book.tmux.run("send-keys", "-t", f"={SESSION}:", "cat", "Enter")
    until(
        lambda: book.tmux.run("list-panes", "-t", f"={SESSION}:", "-F", "#{pane_current_command}") == "cat\n",
        what="cat",
    )
    assert book.send("waited") == ""
    until(lambda: book.daemon.status_of(book.ids["waited"]) == "held", what="it is held")


def vacate(book: Ledger) -> None:
    """The shell is at its prompt again: what waited is typed, and its outcome recorded."""
    book.tmux.run("send-keys", "-t", f"={SESSION}:", "C-d")
    until(
        lambda: book.daemon.status_of(book.ids["waited"]) == "delivered",
        what="it is typed",
        within_s=PATIENCE_S,
    )


def test_a_full_disk_refuses_and_loses_nothing(disk: Disk, tally: Tally) -> None:
    """Refused with a reason, outcomes recorded, started on, recovered from: nothing is lost."""
    with ledger(disk.where / "ipc") as book:
        book.start(wrapper=disk.wrapper)
        assert book.send("before") == ""
        occupy(book)
        disk.fill()
        fill_up(book)
        refused = book.client("send", "test", SESSION, "true")
        assert refused.returncode == 7, refused
        assert "room" in refused.stderr
        assert book.client("queue").returncode == 0
        vacate(book)
        book.daemon.kill()
        book.start(wrapper=disk.wrapper)
        assert book.daemon.status_of(book.ids["waited"]) == "delivered"
        assert book.send("refused") == "storage_full"
        disk.free()
        until(lambda: book.send("after") == "", what="it takes work again", within_s=PATIENCE_S)
        book.expect_all_once()
        book.daemon.kill()
        book.start(wrapper=disk.wrapper)
        book.expect_all_once()
    tally.add(f"full disks: {type(disk).__name__}")


def test_what_waits_for_room_is_answered_when_the_daemon_is_stopped(book: Ledger, tally: Tally) -> None:
    """A stop on a full disk answers `storage_full` to whoever waits, and ends; nothing of it was accepted."""
    book.start()
    assert book.send("before") == ""
    book.expect_all_once()
    with limited(book):
        answers: list[str] = []
        waiting = threading.Thread(target=lambda: answers.extend(book.send_all(["a", "b"])))
        waiting.start()
        until(
            lambda: book.daemon.call("status")["storage_low"], what="it waits for room", within_s=PATIENCE_S
        )
        assert book.daemon.call("queue")["messages"]
        assert book.send("refused") == "storage_full"
        book.daemon.call("stop")
        assert book.ended() == 0
        waiting.join(PATIENCE_S)
        assert answers == ["storage_full"] * 2
    book.start()
    assert "result" not in call(book.daemon.socket_path, "show", id="msg-2")
    book.expect_all_once()
    tally.add("stops while the disk was full")


def test_a_limit_on_the_size_of_files_is_survived(book: Ledger, tally: Tally) -> None:
    """No signal ends the daemon; what it could not write it writes when it may, and answers then."""
    book.start()
    assert book.send("before") == ""
    book.expect_all_once()
    answers: list[str] = []
    with limited(book):
        waiting = threading.Thread(target=lambda: answers.extend(book.send_all(["a", "b"])))
        waiting.start()
        until(
            lambda: book.daemon.call("status")["storage_low"], what="it waits for room", within_s=PATIENCE_S
        )
    waiting.join(PATIENCE_S)
    assert answers == ["", ""]
    book.expect_all_once()
    book.daemon.kill()
    book.start()
    book.expect_all_once()
    tally.add("limits on the size of files")


@contextlib.contextmanager
def limited(book: Ledger) -> Iterator[None]:
    """No file of the daemon may grow past a hundred bytes meanwhile."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(book.daemon.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(book.daemon.pid, resource.RLIMIT_FSIZE, unlimited)


def test_views_without_room_stop_nothing(short_path: Path, tally: Tally) -> None:
    """The journal has room, queue/ and events.log have none: messages flow, it is told, views catch up."""
    with mounted(Tmpfs(short_path / "disk")) as views, ledger(views.where / "ipc") as book:
        book.state.mkdir(mode=0o700)
        with mounted(Tmpfs(book.state / "journal")):
            (book.state / "journal").chmod(0o700)
            book.start()
            assert book.send("before") == ""
            views.fill()
            for number in range(30):
                assert book.send(f"k{number}") == ""
            book.expect_all_once()
            until(
                lambda: "events.log cannot be written" in book.log(), what="it is told", within_s=PATIENCE_S
            )
            book.daemon.kill()
            book.start()
            assert book.send("again") == ""
            book.expect_all_once()
            views.free()
            until(lambda: set(shown(book)) >= {*book.ids}, what="the views catch up", within_s=PATIENCE_S)
            assert sorted(shown(book)) == sorted(book.ids)
            until(
                lambda: len(list((book.state / "queue").glob("msg-*.json"))) == len(book.ids),
                what="the queue's files catch up",
                within_s=PATIENCE_S,
            )
            book.daemon.close()
    tally.add("full disks for the views only")


def shown(book: Ledger) -> list[str]:
    """The keys of the messages that were delivered, as the event log has it."""
    by_id = {id_: key for key, id_ in book.ids.items()}
    lines = (book.state / "events.log").read_text().splitlines()
    return [
        by_id[line.split()[-1]]
        for line in lines
        if line.split()[1] == "DELIVER" and line.split()[-1] in by_id
    ]
