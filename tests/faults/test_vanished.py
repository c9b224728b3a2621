"""Files that somebody deletes, moves or closes while the daemon works on them.

What is acknowledged after that is where the next daemon finds it, or is not acknowledged: the daemon ends and
says why. The next client starts a clean one, and there are never two that serve.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.faults.effort import count
from tests.faults.ledger import PATIENCE_S, SESSION, Ledger, ledger
from tests.faults.tally import Tally
from tests.support.daemon import Answer
from tests.support.wait import until
from tsipcd.journal import folder

WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Root as everybody else: what nobody may enter, it may not enter either."""


@pytest.fixture
def book() -> Iterator[Ledger]:
    with ledger() as made:
        yield made


class Old:
    """A connection from before."""

    def __init__(self, book: Ledger) -> None:
        self._book = book
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(book.daemon.socket_path))

    def send(self, key: str) -> Answer:
        request = {"jsonrpc": "2.0", "id": 1, "method": "send", "params": self._book.request(key)}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        with self._socket.makefile("rb") as answers:
            answer: Answer = json.loads(answers.readline())
        self._socket.close()
        return answer


def delete_folder(book: Ledger) -> None:
    shutil.rmtree(book.state)


def move_folder(book: Ledger) -> None:
    book.state.rename(book.state.with_name("moved"))


def replace_folder(book: Ledger) -> None:
    move_folder(book)
    book.state.mkdir(mode=0o700)


def delete_journal(book: Ledger) -> None:
    shutil.rmtree(book.state / "journal")


def move_journal(book: Ledger) -> None:
    (book.state / "journal").rename(book.state / "moved")


def delete_segments(book: Ledger) -> None:
    for path in (book.state / "journal").glob("*.seg"):
        path.unlink()


Fault = Callable[[Ledger], None]
GONE: tuple[Fault, ...] = (
    delete_folder,
    move_folder,
    replace_folder,
    delete_journal,
    move_journal,
    delete_segments,
)


def take_away(book: Ledger, fault: Fault, weakened: str = "") -> None:
    """The oracle: nothing is acknowledged that the next daemon does not know."""
    book.start(weakened=weakened)
    assert book.send("before") == ""
    book.expect_all_once()
    old = Old(book)
    fault(book)
    answer = old.send("after")
    assert "error" in answer, f"acknowledged, and nowhere: {answer}"
    assert answer["error"]["data"]["code"] == "unknown_outcome"
    assert book.ended() == 1
    assert "deleted or moved away" in book.log()
    again = book.client("send", "test", SESSION, book.request("after")["message"])
    assert again.returncode == 0, again
    until(lambda: "after" in book.typed.read_text(), what="it is typed", within_s=PATIENCE_S)
    assert book.typed.read_text().split() == ["before", "after"]


@pytest.mark.parametrize("fault", GONE[: count(4, len(GONE))], ids=lambda fault: fault.__name__)
def test_what_is_taken_away_is_noticed_before_anything_is_promised(
    fault: Fault, book: Ledger, tally: Tally
) -> None:
    """A daemon whose journal is gone says so and ends; the next client starts a clean one."""
    take_away(book, fault)
    tally.add(f"journals taken away: {fault.__name__}")


def without_a_look_at_the_folder() -> None:
    """For `weakened`."""
    folder.Folder.expect_in_place = lambda *_: None  # type: ignore[method-assign]


def test_a_daemon_that_does_not_look_is_found(book: Ledger) -> None:
    """It acknowledges what nobody will ever read."""
    with pytest.raises(AssertionError, match="nowhere"):
        take_away(book, delete_folder, f"{__name__}:{without_a_look_at_the_folder.__name__}")


def test_a_folder_that_was_moved_away_has_everything_when_it_is_back(book: Ledger, tally: Tally) -> None:
    """Its daemon ended in order; nothing that it acknowledged is lost, and what is sent again comes once."""
    book.start()
    assert book.send("before") == ""
    book.expect_all_once()
    old = Old(book)
    move_folder(book)
    assert "error" in old.send("after")
    book.unknown.append("after")
    assert book.ended() == 1
    book.state.with_name("moved").rename(book.state)
    book.start()
    book.expect_all_once()
    tally.add("folders moved away and back")


def test_a_folder_that_nobody_may_enter_costs_nothing(book: Ledger, tally: Tally) -> None:
    """Who is connected goes on, with all promises; when it is open again everything is there."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    book.start(wrapper=WITHOUT_RIGHTS if os.geteuid() == 0 else ())
    assert book.send("before") == ""
    book.expect_all_once()
    old = Old(book)
    book.state.chmod(0)
    try:
        book.ids["closed"] = old.send("closed")["result"]["id"]
    finally:
        book.state.chmod(0o700)
    assert book.send("open") == ""
    book.expect_all_once()
    book.daemon.kill()
    book.start()
    book.expect_all_once()
    tally.add("folders that nobody may enter")


def test_a_socket_that_was_deleted_is_there_again_with_the_next_client(book: Ledger, tally: Tally) -> None:
    """The daemon that nobody can reach gives its place to the one that the client starts; nothing is lost."""
    book.start()
    assert book.send("before") == ""
    (book.state / "ipc.sock").unlink()
    sent = book.client("send", "test", SESSION, book.request("after")["message"])
    assert sent.returncode == 0, sent
    assert book.ended() == 0
    until(lambda: "after" in book.typed.read_text(), what="it is typed", within_s=PATIENCE_S)
    assert book.typed.read_text().split() == ["before", "after"]
    book.expect_kept()
    tally.add("sockets deleted")


@pytest.mark.parametrize("how", ["deleted", "rotated", "emptied"])
def test_an_event_log_that_others_touch_goes_on(how: str, book: Ledger, tally: Tally) -> None:
    """What comes after is in the file that has the name then; nothing is lost and nobody waits."""
    book.start()
    log = book.state / "events.log"
    assert book.send("before") == ""
    book.expect_all_once()
    until(lambda: "DELIVER" in log.read_text(), what="its lines", within_s=PATIENCE_S)
    match how:
        case "deleted":
            log.unlink()
        case "rotated":
            log.rename(log.with_name("events.log.old"))
        case _:
            os.truncate(log, 0)
    assert book.send("after") == ""
    after = book.ids["after"]

    def has_both() -> bool:
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[1] for line in lines if line.endswith(after)] == ["SEND", "DELIVER"]

    until(has_both, what="the lines of what came after", within_s=PATIENCE_S)
    # When this is answered it is also on disk how far the log got.
    book.daemon.call("events", lines=1)
    book.daemon.kill()
    book.start()
    book.expect_all_once()
    assert has_both()
    tally.add(f"event logs {how} by others")
