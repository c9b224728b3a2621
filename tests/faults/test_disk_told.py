"""What a user sees of a failed disk; and disks that fail in ways of their own: read-only, no descriptors."""

from __future__ import annotations

import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import Ext4, mounted, strace
from tests.faults.journals import with_small_segments
from tests.faults.ledger import PATIENCE_S, SESSION, Ledger, ledger
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, Named, read_heading
from tsipcd.journal.record import header_at, seed_of

SMALL = f"{with_small_segments.__module__}:{with_small_segments.__name__}"
FEW = 200
"""Messages that fill many small segments."""


@pytest.fixture
def book() -> Iterator[Ledger]:
    with ledger() as made:
        yield made


def test_a_failed_sync_costs_a_user_nothing(book: Ledger, tally: Tally) -> None:
    """`ts-ipc send` asks the next daemon again under the same key: status 0, and it is typed once."""
    book.start(wrapper=strace("fdatasync:error=EIO:when=2"))
    book.daemon.call("subscribe", session=SESSION, event="e")
    sent = book.client("send", "test", SESSION, book.request("once")["message"])
    assert book.ended() == 1
    assert sent.returncode == 0, sent
    book.ids["once"] = sent.stdout.strip()
    book.end_successor()
    book.start()
    book.expect_all_once()
    tally.add("failed syncs that a user did not see")


def test_no_descriptor_for_the_next_segment(book: Ledger, tally: Tally) -> None:
    """Without one, new work is refused and accepted work goes on; with one, everything is taken again."""
    book.start(weakened=SMALL)
    assert book.send("before") == ""
    book.expect_all_once()
    opened = [int(link.name) for link in Path(f"/proc/{book.daemon.pid}/fd").iterdir()]
    limits = resource.prlimit(book.daemon.pid, resource.RLIMIT_NOFILE)
    # One for the connection that asks, at most.
    resource.prlimit(book.daemon.pid, resource.RLIMIT_NOFILE, (max(opened) + 2, limits[1]))
    refused = next((code for n in range(FEW) if (code := book.send(f"k{n}"))), "")
    assert refused in {"", "storage_full", "unreachable"}
    resource.prlimit(book.daemon.pid, resource.RLIMIT_NOFILE, limits)
    until(lambda: book.send("after") == "", what="it takes work again", within_s=PATIENCE_S)
    book.expect_all_once()
    book.daemon.kill()
    book.start(weakened=SMALL)
    book.expect_all_once()
    tally.add("lives with descriptors for nothing more")


def test_a_disk_that_becomes_read_only(short_path: Path, tally: Tally) -> None:
    """ext4 that finds an error takes nothing more: nothing is acknowledged; mended, it has all that was."""
    where = short_path / "disk"
    disk = Ext4(where)
    disk.options = "loop,errors=remount-ro"
    with ledger(where / "ipc") as book:
        with mounted(disk):
            book.start()
            assert book.send("before") == ""
            book.expect_all_once()
            trigger = trigger_of(where)
            trigger.write_text("a test")
            until(lambda: "ro," in mount_line(where), what="it is read-only", within_s=PATIENCE_S)
            answers: list[str] = []
            waiting = threading.Thread(target=lambda: answers.extend(book.send_all(["a", "b"])))
            waiting.start()
            until(lambda: is_low(book), what="it takes no more", within_s=PATIENCE_S)
            book.daemon.close()
            waiting.join(PATIENCE_S)
            assert set(answers) <= {"storage_full", "unknown_outcome", "no answer"}
            refused = book.client("send", "test", SESSION, "true")
            assert refused.returncode in {7, 69}, refused
            assert "Read-only file system" in refused.stderr, refused
        with mounted(disk):
            book.start()
            book.unknown += ["a", "b"]
            book.expect_all_once()
            book.daemon.close()
    tally.add("disks that became read-only")


def test_an_end_that_was_cut_off_between_two_records_is_told(book: Ledger, tally: Tally) -> None:
    """The journal alone cannot show it; the event log has seen more, and the daemon says how much."""
    book.start()
    for number in range(3):
        assert book.send(f"k{number}") == ""
    book.expect_all_once()
    book.daemon.close()
    (segment,) = (book.state / "journal").glob("*.seg")
    data = segment.read_bytes()
    seed = seed_of(read_heading(SEGMENT, data, "", Named(1, segment.name)).identity)
    ends = [HEADING_BYTES]
    while (header := header_at(data, ends[-1], seed)) is not None:
        ends.append(ends[-1] + header.frame_bytes)
    segment.write_bytes(data[: ends[-3]])
    book.start()
    assert re.search(r"the journal lacks its last [1-9]\d* facts", book.log())
    said = book.log().count("lacks its last")
    assert book.send("after") == ""
    until(lambda: "after" in book.typed.read_text(), what="it is typed", within_s=PATIENCE_S)
    book.daemon.close()
    book.start()
    assert book.log().count("lacks its last") == said
    tally.add("ends cut off between two records, told")


def is_low(book: Ledger) -> bool:
    """It says so, or has ended."""
    return (
        book.daemon.process is None
        or book.serves_or_ended() == "ended"
        or bool(book.daemon.call("status")["storage_low"])
    )


def mount_line(where: Path) -> str:
    lines = Path("/proc/mounts").read_text().splitlines()
    return next(line for line in lines if f" {where} " in line)


def trigger_of(where: Path) -> Path:
    """The file through which ext4 can be made to see an error."""
    trigger = Path("/sys/fs/ext4") / Path(mount_line(where).split()[0]).name / "trigger_fs_error"
    if not trigger.exists():
        pytest.skip("this kernel's ext4 cannot be made to fail")
    return trigger
