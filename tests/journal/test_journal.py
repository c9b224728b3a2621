from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journal.conftest import SMALL_BYTES, numbered, open_journal, put_segment, replay, segment, texts
from tests.support.wait import until
from tsipcd.journal.errors import NoRoom, SyncFailed
from tsipcd.journal.layout import SPARE

DEADLINE_S = 10.0


class Refusing:
    """A system call that fails with `error` while it is set, for the calls that `concerns` accepts."""

    def __init__(
        self, patch: pytest.MonkeyPatch, name: str, concerns: Callable[..., bool] = lambda *_: True
    ) -> None:
        self._real = getattr(os, name)
        self._concerns = concerns
        self.error = 0
        patch.setattr(os, name, self)

    def __call__(self, *arguments: object) -> object:
        if self.error and self._concerns(*arguments):
            raise OSError(self.error, os.strerror(self.error))
        return self._real(*arguments)


class Lowness:
    """What `on_low` was told."""

    def __init__(self) -> None:
        self.told: list[bool] = []
        self._changed = asyncio.Event()

    def __call__(self, low: bool) -> None:
        self.told.append(low)
        self._changed.set()

    async def until(self, low: bool) -> None:
        """Wait until that was the last word."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.told or self.told[-1] != low:
                self._changed.clear()
                await self._changed.wait()


def is_frame(_fd: int, data: bytes, _offset: int) -> bool:
    return data.startswith(b"\xf7TJ")


def segments(path: Path) -> list[Path]:
    return sorted(path.glob("*.seg"))


def sizes(path: Path) -> list[tuple[int, int]]:
    """Mode and size of every file."""
    stats = [file.stat() for file in path.iterdir()]
    return [(stat.st_mode & 0o777, stat.st_size) for stat in stats]


async def refused(waiter: asyncio.Future[None]) -> BaseException | None:
    """The exception that the waiter ends with."""
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.wait([waiter])
    return waiter.exception()


async def test_what_was_acknowledged_is_replayed(path: Path) -> None:
    """Appends come back in order over many segments, and again after more were appended in a second life."""
    batches = texts(300)
    journal = open_journal(path)
    await asyncio.gather(*(journal.append(batch) for batch in batches[:200]))
    assert journal.last_sequence == 200
    assert journal.pending_bytes == 0
    await journal.close()
    journal = open_journal(path)
    for batch in batches[200:]:
        await journal.append(batch)
    await journal.close()
    assert len(segments(path)) > 2
    recovered, payloads = replay(path)
    assert payloads == numbered(batches)
    assert recovered.notes == ()


async def test_an_append_is_on_disk_when_it_is_done(path: Path) -> None:
    """A copy of the folder taken right after an append holds it."""
    journal = open_journal(path)
    for count in range(1, 100):
        await journal.append([b"%d" % count])
        copy = path.parent / f"copy-{count}"
        shutil.copytree(path, copy)
        assert replay(copy)[0].last_sequence == count
    await journal.close()


async def test_the_identity_stays(path: Path) -> None:
    """A journal has eight hex digits of its own, in every life, and its neighbour has others."""
    journal = open_journal(path)
    identity = journal.identity
    await journal.close()
    assert int(identity, 16) >= 0
    assert len(identity) == 8
    again, other = open_journal(path), open_journal(path.with_name("other"))
    assert again.identity == identity != other.identity
    await again.close()
    await other.close()


async def test_waiters_are_told_in_order(path: Path) -> None:
    """Nobody hears of its append before an earlier one was told; an empty append only waits its turn."""
    journal = open_journal(path)
    told: list[int] = []
    for number in range(50):
        waiter = journal.append([b"x"] * (number % 3))
        waiter.add_done_callback(lambda _, number=number: told.append(number))  # type: ignore[misc]
    await journal.append([])
    await asyncio.sleep(0)
    assert told == list(range(50))
    await journal.close()
    assert replay(path)[0].last_sequence == journal.last_sequence


async def test_a_forgotten_waiter_harms_nobody(path: Path) -> None:
    """A waiter that was cancelled does not keep others from being told."""
    journal = open_journal(path)
    first, second = journal.append([b"a"]), journal.append([b"b"])
    first.cancel()
    await second
    await journal.close()
    assert replay(path)[1] == numbered([[b"a", b"b"]])


async def test_a_commit_larger_than_a_segment_has_its_own(path: Path) -> None:
    """One commit of any size is whole, and smaller ones before and after it too."""
    batches = [[b"before"], [b"x" * 3 * SMALL_BYTES, b"y" * 70_000], [b"after"]]
    journal = open_journal(path)
    await asyncio.gather(*(journal.append(batch) for batch in batches))
    await journal.close()
    assert replay(path)[1] == numbered(batches)
    journal = open_journal(path)
    await journal.append([b"more"])
    await journal.close()
    assert replay(path)[1] == numbered([*batches, [b"more"]])


async def test_a_full_segment_is_filled_to_its_last_byte(path: Path) -> None:
    """A commit that fits exactly does not roll over."""
    put_segment(path, 1, segment(1, []))
    room = SMALL_BYTES - len(segment(1, [[b""]]))
    journal = open_journal(path)
    await journal.append([b"x" * room])
    assert len(segments(path)) == 1
    await journal.append([b""])
    assert len(segments(path)) == 2
    await journal.close()
    assert [len(payload) for _, payload in replay(path)[1]] == [room, 0]


async def test_files_are_ours_alone(path: Path) -> None:
    """Every file of the journal has mode 0600."""
    journal = open_journal(path)
    await journal.append([b"x" * 5000])
    await journal.close()
    assert {mode for mode, _ in sizes(path)} == {0o600}


async def test_the_last_segment_is_written_anew_at_each_start(path: Path) -> None:
    """A file whose last sync nobody saw is not written to again: its good part goes into a fresh file."""
    inode = put_segment(path, 1, segment(1, texts(3), zeros=SMALL_BYTES)).stat().st_ino
    journal = open_journal(path)
    (live,) = segments(path)
    assert live.stat().st_ino != inode
    await journal.append([b"more"])
    await journal.close()
    assert replay(path)[1] == numbered([*texts(3), [b"more"]])


@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
async def test_a_failing_disk_ends_the_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """EIO: all who wait, and all who come, hear that the outcome is unknown; nothing is tried again."""
    journal = open_journal(path)
    await journal.append([b"good"])
    disk = Refusing(monkeypatch, call)
    disk.error = errno.EIO
    waiters = [journal.append([b"lost?"]) for _ in range(5)]
    for waiter in waiters:
        assert isinstance(await refused(waiter), SyncFailed)
    async with asyncio.timeout(DEADLINE_S):
        failure = await journal.failed
    assert "same key" in str(failure)
    disk.error = 0
    assert isinstance(await refused(journal.append([b"late"])), SyncFailed)
    await journal.close()
    assert replay(path)[1][:1] == [(1, b"good")]


async def test_without_a_spare_the_disk_is_low(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for the next segment: it is told at once; outcomes go on to the last byte."""
    disk = Refusing(monkeypatch, "posix_fallocate")
    low = Lowness()
    journal = open_journal(path, on_low=low)
    disk.error = errno.ENOSPC
    await journal.append([b"x" * 3500])
    assert not low.told
    await journal.append([b"x" * 3500])  # into the spare; another cannot be made
    await low.until(True)
    assert journal.is_low
    for _ in range(10):
        await journal.append([b"outcome"])
    journal.append([b"x" * 3500])
    journal.append([b"behind it"])
    until(lambda: journal.is_stalled, what="no room at all")
    assert journal.pending_bytes > 3500
    disk.error = 0
    journal.retry_reserve()
    await journal.append([])
    await low.until(False)
    assert not journal.is_stalled
    await journal.close()
    assert [len(payload) for _, payload in replay(path)[1]] == [3500, 3500, *[7] * 10, 3500, 9]


async def test_room_is_found_without_being_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is tried again by itself: from a start without any segment to the first durable append."""
    disk = Refusing(monkeypatch, "posix_fallocate")
    disk.error = errno.ENOSPC
    low = Lowness()
    journal = open_journal(path, on_low=low)
    assert journal.is_low
    assert journal.is_stalled
    await low.until(True)
    disk.error = 0
    await low.until(False)
    await journal.append([b"x"])
    await journal.close()
    assert replay(path)[1] == [(1, b"x")]


async def test_a_start_on_a_full_disk_goes_on_in_the_old_segment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the last segment cannot be written anew it is used as it is, its torn tail overwritten."""
    content = segment(1, texts(2))
    put_segment(path, 1, content[:-9] + bytes(600))
    disk = Refusing(monkeypatch, "posix_fallocate")
    disk.error = errno.ENOSPC
    journal = open_journal(path)
    assert journal.is_low
    assert not journal.is_stalled
    await journal.append([b"outcome"])
    await journal.close()
    assert replay(path)[1] == numbered([*texts(1), [b"outcome"]])


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
async def test_a_refused_write_waits_for_room(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """A file system that takes no write, though room was reserved, loses nothing and is tried again."""
    low = Lowness()
    journal = open_journal(path, on_low=low)
    disk = Refusing(monkeypatch, "pwrite", is_frame)
    disk.error = error
    waiters = [journal.append([b"%d" % number]) for number in range(5)]
    await low.until(True)
    disk.error = 0
    await asyncio.gather(*waiters)
    await low.until(False)
    await journal.close()
    assert replay(path)[1] == numbered([[b"0", b"1", b"2", b"3", b"4"]])


async def test_a_short_write_is_written_again_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a short write left out is not taken for written, even if it wrote less than it said."""
    real = os.pwrite
    lies = 3

    def short(fd: int, data: bytes, offset: int) -> int:
        nonlocal lies
        if lies and is_frame(fd, data, offset):
            lies -= 1
            return min(7, len(data))
        return real(fd, data, offset)

    journal = open_journal(path)
    monkeypatch.setattr(os, "pwrite", short)
    await journal.append([b"whole"])
    assert lies == 0
    await journal.close()
    assert replay(path)[1] == [(1, b"whole")]


async def test_closing_on_a_full_disk_takes_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who still waits for room at the end hears `NoRoom`, and nothing of it is on disk."""
    real = os.pwrite

    def torn(fd: int, data: bytes, offset: int) -> int:
        return real(fd, data[:-5], offset) if is_frame(fd, data, offset) else real(fd, data, offset)

    low = Lowness()
    journal = open_journal(path, on_low=low)
    await journal.append([b"good"])
    monkeypatch.setattr(os, "pwrite", torn)
    waiters = [journal.append([b"taken back"]), journal.append([b"never written"])]
    await low.until(True)
    await journal.close()
    for waiter in waiters:
        assert isinstance(waiter.exception(), NoRoom)
    recovered, payloads = replay(path)
    assert payloads == [(1, b"good")]
    assert recovered.repaired_bytes == 0


@contextlib.contextmanager
def tmpfs(size: str) -> Iterator[Path]:
    """A small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    with tempfile.TemporaryDirectory(prefix="ti-") as where:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "ti", where], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip(f"no tmpfs here: {mounted.stderr.decode()}")
        try:
            yield Path(where)
        finally:
            subprocess.run(["umount", where], check=True)


def fill(path: Path) -> None:
    """Not a byte is left."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


async def test_a_full_file_system_is_survived() -> None:
    """On a real full disk outcomes go into the reserve, then wait, and are durable when space returns."""
    with tmpfs("1m") as disk:
        low = Lowness()
        journal = open_journal(disk / "journal", on_low=low, segment_bytes=64 * 1024)
        await journal.append([b"x" * 40_000])
        fill(disk / "ballast")
        await journal.append([b"y" * 40_000])
        await low.until(True)
        await journal.append([b"outcome"])
        waiting = journal.append([b"z" * 40_000])
        until(lambda: journal.is_stalled, what="no room at all")
        assert not waiting.done()
        (disk / "ballast").unlink()
        await waiting
        await low.until(False)
        await journal.close()
        assert [len(payload) for _, payload in replay(disk / "journal")[1]] == [40_000, 40_000, 7, 40_000]


async def test_a_full_file_system_at_the_start_is_survived() -> None:
    """The spare of the last life is the room that a start on a full disk needs."""
    with tmpfs("1m") as disk:
        journal = open_journal(disk / "journal", segment_bytes=64 * 1024)
        await journal.append([b"before"])
        await journal.close()
        assert (disk / "journal" / SPARE).exists()
        fill(disk / "ballast")
        journal = open_journal(disk / "journal", segment_bytes=64 * 1024)
        assert not journal.is_stalled
        await journal.append([b"after"])
        await journal.close()
        assert replay(disk / "journal")[1] == numbered([[b"before", b"after"]])


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may grow beyond `size`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_limit_on_file_size_is_survived(path: Path) -> None:
    """Under `ulimit -f` no segment can be made: the disk counts as full until the limit is lifted."""
    with file_size_limit(SMALL_BYTES // 2):
        journal = open_journal(path)
        waiting = journal.append([b"x"])
    assert journal.is_low
    async with asyncio.timeout(DEADLINE_S):
        await waiting
    await journal.close()
    assert replay(path)[1] == [(1, b"x")]


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Nobody in this process can open anything."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_without_descriptors_it_still_writes(path: Path) -> None:
    """With no descriptor to be had, records go into the segment and the spare, and later into more."""
    low = Lowness()
    journal = open_journal(path, on_low=low)
    with no_descriptors():
        await journal.append([b"x" * 3500])
        await journal.append([b"y" * 3500])
        await low.until(True)
        waiting = journal.append([b"z" * 3500])
        until(lambda: journal.is_stalled, what="no room at all")
    await waiting
    await low.until(False)
    await journal.close()
    assert [len(payload) for _, payload in replay(path)[1]] == [3500] * 3


async def test_the_size_is_known(path: Path) -> None:
    """`size_bytes` is what the folder takes."""
    journal = open_journal(path)
    await asyncio.gather(*(journal.append(batch) for batch in texts(300)))
    await journal.close()
    journal = open_journal(path)
    assert journal.size_bytes == sum(size for _, size in sizes(path))
    await journal.close()


async def test_nothing_can_be_appended_after_close(path: Path) -> None:
    """An append to a closed journal is refused, never forgotten."""
    journal = open_journal(path)
    await journal.close()
    with pytest.raises(RuntimeError, match="closed"):
        journal.append([b"x"])
