"""System calls on the disk that fail, one by one: nothing acknowledged is lost, nothing is typed twice.

The calls are made to fail with strace, in a real daemon that types into a real shell. While its disk fails a
daemon may answer `unknown_outcome`, and then it ends with status 1; or `storage_full`, with nothing accepted.
In the next life, without the fault, all that was acknowledged is there, and what was unknown is there once
after it was sent again with the same key.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.disks import slowed, strace
from tests.faults.effort import EFFORT, Effort, chance
from tests.faults.journals import with_small_segments
from tests.faults.ledger import PATIENCE_S, SESSION, Ledger, ledger
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd import daemon
from tsipcd.journal import journal, segment, writer
from tsipcd.journal.folder import sync_data

SMALL = f"{with_small_segments.__module__}:{with_small_segments.__name__}"
BURST = 4
"""Requests that wait for the same write."""
MAX_BURSTS = 100

START_CALLS = 34
"""At least so many writes are made, in the main thread, before a daemon serves."""


@pytest.fixture
def book() -> Iterator[Ledger]:
    with ledger() as made:
        yield made


def keys(burst: int) -> list[str]:
    return [f"k{burst}-{number}" for number in range(BURST)]


def send_until_refused(book: Ledger, bursts: int = MAX_BURSTS) -> set[str]:
    """Send bursts until one is not acknowledged as a whole; what the last one was answered."""
    for burst in range(bursts):
        answers = set(book.send_all(keys(burst)))
        if answers != {""}:
            return answers
    return {""}


def nth(call: str, share: list[int], ci: list[int]) -> list[object]:
    return [pytest.param(call, n, id=f"{call}-{n}") for n in (share if EFFORT is Effort.SHARE else ci)]


def fail_while_serving(book: Ledger, call: str, n: int, weakened: str = "") -> None:
    """The oracle: who waits is told that nobody knows, the daemon ends, the next life has everything."""
    book.start(wrapper=strace(f"{call}:error=EIO:when={n}"), weakened=weakened)
    answers = send_until_refused(book)
    assert answers != {""}, "nothing was seen of a failed call"
    # Nobody waits for a write that holds only what came of typing: the next burst finds no daemon, or one
    # that ends. A burst that was read is answered, all of it.
    assert answers <= {"", "unknown_outcome"} or answers in ({"unreachable"}, {"no answer"})
    assert book.ended() == 1
    assert "the disk failed under" in book.log()
    book.start()
    book.expect_all_once()


@pytest.mark.parametrize(
    ("call", "n"),
    [
        *nth("fdatasync", [2], [2, 3, 4, 5, 6, 8, 10, 13]),
        *nth("pwrite64", [START_CALLS + 4], [START_CALLS + n for n in (1, 2, 3, 4, 5, 8)]),
    ],
)
def test_a_failed_write_ends_the_daemon_and_nothing_is_lost(
    call: str, n: int, book: Ledger, tally: Tally
) -> None:
    """A failed sync or write is never tried again; what was asked with it is there once, asked again."""
    fail_while_serving(book, call, n)
    tally.add(f"failed calls of {call} while serving")
    tally.add("requests with an unknown outcome, sent again", len(book.unknown))


@pytest.mark.parametrize(
    ("call", "n"),
    [
        *nth("fdatasync", [1], [1]),
        *nth("pwrite64", [], [1, 16, 17, 18]),
        *nth("fsync", [1], [1, 2, 3, 4, 5, 6]),
        *nth("renameat", [1], [1, 2, 3]),
        *nth("ftruncate", [], [1, 2]),
        *nth("fallocate", [], [1, 2]),
        *nth("mkdirat", [], [1, 2]),
        *nth("flock", [], [1, 2, 3]),
        *nth("bind", [], [1]),
    ],
)
def test_a_failed_call_at_the_start_stops_it_with_a_reason_or_costs_nothing(
    call: str, n: int, book: Ledger, tally: Tally
) -> None:
    """A daemon that does not come up says which folder and why; the next one serves all there was."""
    book.start()
    assert book.send("before") == ""
    book.daemon.kill()
    said = len(book.log())
    book.launch(wrapper=strace(f"{call}:error=EIO:when={n}"))
    serves = until(book.serves_or_ended, what="it serves or has ended", within_s=PATIENCE_S)
    if serves == "serves":
        assert book.send("meanwhile") in {"", "storage_full", "unknown_outcome"}
        tally.add(f"failed calls of {call} at the start, served all the same")
    else:
        assert book.ended() == 1
        assert str(book.state) in book.log()[said:]
        assert "Input/output error" in book.log()[said:]
        assert "Traceback" not in book.log()[said:]
        tally.add(f"failed calls of {call} at the start, refused with a reason")
    book.start()
    book.expect_all_once()


@pytest.mark.parametrize("fault", ["fsync:error=EIO:when=1+", "renameat:error=EIO:when=3+"])
def test_a_segment_that_cannot_be_begun(fault: str, book: Ledger, tally: Tally) -> None:
    """New segments that fail on the disk end the daemon or make it refuse; the next life has everything."""
    book.start(weakened=SMALL)
    assert book.send("before") == ""
    book.daemon.kill()
    book.launch(weakened=SMALL, wrapper=strace(fault))
    if until(book.serves_or_ended, what="it serves or has ended", within_s=PATIENCE_S) == "serves":
        assert send_until_refused(book) <= {"", "unknown_outcome", "storage_full"}
    else:
        assert book.ended() == 1
    book.start(weakened=SMALL)
    book.expect_all_once()
    tally.add("segments that could not be begun")


def wait_for_slow_sync(book: Ledger, weakened: str = "") -> int:
    """The oracle: no answer before the sync returned, and others are answered meanwhile; how many were."""
    book.start(weakened=weakened)
    # Until it is at rest: the next sync is the one of what is asked next.
    assert book.send("quick") == ""
    book.expect_all_once()
    delay_s = 3.0
    outcomes: list[tuple[str, bool]] = []
    with slowed(book.daemon.pid, "fdatasync", delay_s):
        began = time.monotonic()

        def is_over() -> bool:
            return time.monotonic() - began >= delay_s

        def send() -> None:
            outcome = book.send("slow")
            outcomes.append((outcome, is_over()))

        waiting = threading.Thread(target=send)
        waiting.start()
        answered = 0
        until(lambda: book.daemon.call("status")["waiting"] or not waiting.is_alive(), what="it was asked")
        while waiting.is_alive():
            book.daemon.call("queue")
            answered += not is_over()
    assert outcomes == [("", True)]
    assert answered
    book.expect_all_once()
    return answered


def test_a_slow_sync_is_only_waited_for(book: Ledger, tally: Tally) -> None:
    """A send waits for its sync; what others ask is answered meanwhile; then the send is answered."""
    tally.add("requests answered while a sync took its time", wait_for_slow_sync(book))


def in_a_hurry() -> None:
    """For `weakened`, though no safeguard is off: it waits for tmux and the disk for a second only."""
    daemon.DRAIN_S = daemon.DISK_S = 1.0  # type: ignore[misc]
    journal.CLOSE_DEADLINE_S = 1.0


def test_a_disk_that_hangs_is_bounded(book: Ledger, tally: Tally) -> None:
    """While no sync returns, a daemon that is told to stop says why it cannot finish, and ends."""
    book.start(wrapper=strace("fdatasync:delay_enter=12s:when=2"), weakened=f"{__name__}:in_a_hurry")
    book.daemon.call("subscribe", session=SESSION, event="e")
    waiting = threading.Thread(target=lambda: book.send_all(keys(0)))
    waiting.start()
    until(lambda: book.daemon.call("status")["waiting"], what="something waits", within_s=PATIENCE_S)
    book.daemon.call("stop")
    book.ended()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()
    assert "does not answer; ending" in book.log()
    book.start()
    book.expect_all_once()
    tally.add("stops while the disk hung")


def write_short(book: Ledger, fault: str, weakened: str = "") -> None:
    """The oracle: one bad write is made again, several are waited for, and all is there afterwards."""
    first = START_CALLS + chance("short", fault).randrange(6)
    for last in (first, first + 5):
        trace = book.place / f"trace-{last}"
        book.start(wrapper=strace(f"{fault}:when={first}..{last}", trace=trace), weakened=weakened)
        for burst in range(MAX_BURSTS):
            # What comes while it lasts is refused before anything is accepted.
            answers: set[str] = set()
            while (answers := set(book.send_all(keys(burst)))) != {""}:
                assert answers <= {"", "storage_full"}
            if "(INJECTED)" in trace.read_text(errors="replace"):
                break
        assert "(INJECTED)" in trace.read_text(errors="replace")
        book.daemon.kill()
    book.start()
    book.expect_all_once()


@pytest.mark.parametrize("fault", ["retval=7", "error=ENOSPC", "error=EDQUOT", "error=EROFS", "error=EFBIG"])
def test_short_and_refused_writes_are_made_again(fault: str, book: Ledger, tally: Tally) -> None:
    """While they last nothing is acknowledged and nothing dropped; afterwards everything is there."""
    write_short(book, f"pwrite64:{fault}")
    tally.add("short and refused writes, made again", 7)


# ── with a safeguard off ────────────────────────────────────────────────────────────────────────────────────


def that_takes_a_short_write_for_whole() -> None:
    """For `weakened`: what `pwrite` returns is not looked at."""
    segment._write = os.pwrite  # type: ignore[assignment]


def that_syncs_again() -> None:
    """For `weakened`: a failed sync is tried again on the same file, which says yes."""
    real = sync_data

    def sync(fd: int) -> None:
        try:
            real(fd)
        except OSError:
            real(fd)

    segment.sync_data = sync  # type: ignore[attr-defined]


def that_answers_before_the_sync() -> None:
    """For `weakened`: what was written is acknowledged before it is synced."""
    real = writer.Writer._finish

    def finish(self: writer.Writer, batch: writer.Batch) -> None:
        self._events.synced(batch.waiters, batch.size_bytes)
        real(self, batch)

    writer.Writer._finish = finish  # type: ignore[method-assign]


def test_a_daemon_that_syncs_again_is_found(book: Ledger) -> None:
    """It goes on after a failed sync, as if the disk had taken what the kernel dropped."""
    with pytest.raises(AssertionError, match="nothing was seen"):
        fail_while_serving(book, "fdatasync", 3, f"{__name__}:that_syncs_again")


def test_a_daemon_that_answers_before_the_sync_is_found(book: Ledger) -> None:
    """Its answer comes while the sync still goes on."""
    with pytest.raises(AssertionError, match="False"):
        wait_for_slow_sync(book, f"{__name__}:that_answers_before_the_sync")
    book.daemon.kill()


def test_a_daemon_that_takes_a_short_write_for_whole_is_found(book: Ledger) -> None:
    """What it acknowledged is not there in its next life."""
    with pytest.raises(AssertionError):
        write_short(book, "pwrite64:retval=7", f"{__name__}:that_takes_a_short_write_for_whole")
