"""A journal with wrong, missing or foreign bytes: recovery gives all its records, or refuses and says where.

The journal is a real daemon's. Thousands of damages are judged in this process, by the recovery that a daemon
begins with; some dozens by starting one. A cut of the end gives exactly the whole frames before it, keeps the
torn bytes in a copy and tells their number. One thing cannot be seen in a journal, and is counted as `short`:
an end that was cut exactly between two frames, as by removing the last segment.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Final
from zlib import crc32

import pytest

from tests.faults.effort import EFFORT, Effort, chance, count
from tests.faults.journals import Judged, Lost, Sample, Verdict, contents, in_memory, judge, sample_journal
from tests.faults.tally import Tally
from tests.support.daemon import Daemon, call
from tests.support.wait import until
from tsipcd.journal import reading, record, repair
from tsipcd.journal.layout import HEADING_BYTES, SEGMENT, SNAPSHOT, heading
from tsipcd.journal.record import HEADER_BYTES, Header, Kind, encode, header_at, payloads_of, seed_of

SHARE: Final = 0.02
SECTOR: Final = repair.SECTOR_BYTES
FOREIGN: Final = b"else"
REFUSED: Final = Judged(Verdict.REFUSED, 0)
KINDS: Final = ("snapshot", "closed", "live")


@dataclass(frozen=True)
class Case:
    """A file's damaged bytes, and what recovery may make of them."""

    what: str
    name: str
    data: bytes
    allowed: tuple[Judged, ...] = (REFUSED,)


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    with sample_journal() as made:
        yield made


@pytest.fixture
def place(caplog: pytest.LogCaptureFixture) -> Iterator[Path]:
    caplog.set_level(logging.ERROR, "tsipcd.journal")  # thousands of lines about torn tails
    with in_memory() as made:
        yield made


@pytest.fixture
def folder(sample: Sample, place: Path) -> Path:
    """A copy of the sample."""
    sample.put(place / "journal")
    return place / "journal"


def file_of(sample: Sample, kind: str) -> str:
    return {"snapshot": sample.snapshot, "closed": sample.segments[-2], "live": sample.live}[kind]


def whole(sample: Sample) -> Judged:
    return Judged(Verdict.WHOLE, len(sample.records))


def torn(records: int) -> Judged:
    return Judged(Verdict.TORN, records)


def some(numbers: Sequence[int], *names: object) -> Iterable[int]:
    """All of them in CI, a share of them elsewhere."""
    if EFFORT is not Effort.SHARE:
        return numbers
    return sorted(chance(*names).sample(numbers, max(30, round(len(numbers) * SHARE))))


def verdict_of(case: Case, sample: Sample, folder: Path) -> Verdict:
    """Recover the damaged journal, and mend it again. Raises `Lost` for a verdict that is not allowed."""
    path = folder / case.name
    path.write_bytes(case.data)
    try:
        judged = judge(folder, sample)
    finally:
        for copy in folder.glob("*.broken-*"):
            copy.unlink()
        path.write_bytes(sample.files[case.name])
    if judged not in case.allowed:
        raise Lost(f"{case.what} of {case.name}: {judged}, not {case.allowed}")
    return judged.verdict


def sweep(cases: Iterable[Case], sample: Sample, folder: Path, tally: Tally, what: str) -> None:
    """All cases have an allowed verdict; they are counted under `what`, by verdict."""
    found = Counter(verdict_of(case, sample, folder) for case in cases)
    assert found, "nothing was tried"
    for verdict, number in found.items():
        tally.add(f"{what}: {verdict.name.lower()}", number)


def lost(cases: Iterable[Case], sample: Sample, folder: Path) -> int:
    """How many cases lose something unseen."""
    number = 0
    for case in cases:
        try:
            verdict_of(case, sample, folder)
        except (Lost, ValueError):
            number += 1
    return number


def flips(sample: Sample, name: str, bits: Iterable[int]) -> Iterator[Case]:
    for bit in bits:
        data = bytearray(sample.files[name])
        data[bit // 8] ^= 1 << bit % 8
        yield Case(f"bit {bit}", name, bytes(data))


def committed_bits(sample: Sample, name: str) -> range:
    """All bits up to the end of the last frame; a snapshot is frames to its end."""
    return range(8 * sample.frames(name)[-1])


# ── bits and bytes ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_refused(kind: str, sample: Sample, folder: Path, tally: Tally) -> None:
    """No flipped bit of the committed part is served, and none is cut off as a torn tail."""
    name = file_of(sample, kind)
    bits = some(committed_bits(sample, name), "flips", kind)
    sweep(flips(sample, name, bits), sample, folder, tally, f"flipped bits, {kind}")


def test_every_flipped_bit_behind_the_last_record_costs_nothing(
    sample: Sample, folder: Path, tally: Tally
) -> None:
    """Where nothing was written yet a wrong bit is cut off, and told; all records are there.

    But where the next record's header would be complete with it: such a bit is refused.
    """
    name, end = sample.live, sample.frames(sample.live)[-1]
    allowed = (torn(len(sample.records)), REFUSED)
    cases = (
        Case(case.what, case.name, case.data, allowed)
        for case in flips(sample, name, some(range(8 * end, 8 * len(sample.files[name])), "behind"))
    )
    sweep(cases, sample, folder, tally, "flipped bits behind the last record")


@pytest.mark.parametrize("kind", KINDS)
def test_every_zeroed_byte_is_refused_or_told(kind: str, sample: Sample, folder: Path, tally: Tally) -> None:
    """A zeroed byte is damage; in the last frame it may be the end that a torn write lost: kept, and told."""
    name = file_of(sample, kind)
    data, frames = sample.files[name], sample.frames(name)

    def cases() -> Iterator[Case]:
        for at in some(range(frames[-1]), "zeroed", kind):
            if data[at]:
                is_last = kind == "live" and at >= frames[-2]
                may_be_torn = (torn(sample.records_to(name, frames[-2])),) if is_last else ()
                wrong = data[:at] + b"\0" + data[at + 1 :]
                yield Case(f"zeroed byte {at}", name, wrong, (REFUSED, *may_be_torn))

    sweep(cases(), sample, folder, tally, f"zeroed bytes, {kind}")


def test_zeroed_sectors(sample: Sample, folder: Path, tally: Tally) -> None:
    """Lost sectors are damage, but for sectors of the last frame, which a power cut may tear out of it."""

    def cases() -> Iterator[Case]:
        for name in sample.files:
            data, frames = sample.files[name], sample.frames(name)
            for start in range(0, frames[-1], SECTOR):
                end = min(start + SECTOR, len(data))
                allowed: tuple[Judged, ...] = (REFUSED,)
                if name == sample.live and end > frames[-2]:
                    kept = max(at for at in frames[:-1] if at <= max(start, frames[0]))
                    allowed += (torn(sample.records_to(name, kept)),)
                yield Case(
                    f"zeroed sector {start}", name, data[:start] + bytes(end - start) + data[end:], allowed
                )

    sweep(cases(), sample, folder, tally, "zeroed sectors")


# ── cuts ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_last_segment_cut_at_every_byte(sample: Sample, folder: Path, tally: Tally) -> None:
    """Exactly the whole frames before the cut come back, and the torn ones are kept and told."""
    name = sample.live
    data, frames = sample.files[name], sample.frames(name)

    def cases() -> Iterator[Case]:
        for length in some(range(len(data)), "cut live"):
            if length < frames[0]:
                allowed = REFUSED
            elif length >= frames[-1]:
                allowed = whole(sample)
            else:
                kept = sample.records_to(name, max(at for at in frames if at <= length))
                allowed = Judged(Verdict.SHORT if length in frames else Verdict.TORN, kept)
            yield Case(f"{length} bytes", name, data[:length], (allowed,))

    sweep(cases(), sample, folder, tally, "cuts of the last segment")


@pytest.mark.parametrize("kind", ["snapshot", "closed"])
def test_every_other_file_cut_at_every_byte_is_refused(
    kind: str, sample: Sample, folder: Path, tally: Tally
) -> None:
    """A snapshot ends with its end, a closed segment where the next one begins: each cut is seen."""
    name = file_of(sample, kind)
    data = sample.files[name]
    lengths = some(range(len(data)), "cut", kind)
    cases = (Case(f"{length} bytes", name, data[:length]) for length in lengths)
    sweep(cases, sample, folder, tally, f"cuts of the {kind}")


# ── frames ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["closed", "live"])
def test_moved_frames_are_refused(kind: str, sample: Sample, folder: Path, tally: Tally) -> None:
    """Two frames swapped, one twice, one missing before others, one at the end again: all are damage."""
    name = file_of(sample, kind)
    data, edges = sample.files[name], sample.frames(name)
    before, after = data[: edges[0]], data[edges[-1] :]
    frames = [data[start:end] for start, end in pairwise(edges)]

    def cases() -> Iterator[Case]:
        for at, frame in enumerate(frames):
            others = [*frames[:at], *frames[at + 1 :]]
            moved = {
                "twice": [*frames[:at], frame, *frames[at:]],
                "at the end again": [*frames, frame],
                "missing": others if at < len(frames) - 1 or kind == "closed" else None,
                "swapped": [*frames[:at], *reversed(frames[at : at + 2]), *frames[at + 2 :]]
                if at < len(frames) - 1
                else None,
            }
            for what, content in moved.items():
                if content is not None:
                    yield Case(f"frame {at} {what}", name, b"".join((before, *content, after)))

    sweep(cases(), sample, folder, tally, f"moved frames, {kind}")


def test_appended_bytes(sample: Sample, folder: Path, tally: Tally) -> None:
    """Zeros behind a segment mean nothing; garbage is refused, or, at the very end, cut off and told."""
    every = torn(len(sample.records))

    def cases() -> Iterator[Case]:
        for name, data in sample.files.items():
            end = sample.frames(name)[-1]
            can_grow = name != sample.snapshot
            is_live = name == sample.live
            for size in (1, 7, SECTOR, 3 * SECTOR):
                allowed = whole(sample) if can_grow else REFUSED
                yield Case(f"{size} zeros", name, data + bytes(size), (allowed,))
                garbage = chance("garbage", name, size).randbytes(size)
                allowed_of_garbage = (REFUSED, every) if is_live else (REFUSED,)
                yield Case(f"{size} bytes of garbage", name, data + garbage, allowed_of_garbage)
                overwritten = data[:end] + garbage + data[end + size :]
                yield Case(f"{size} bytes of garbage at the end", name, overwritten, allowed_of_garbage)

    sweep(cases(), sample, folder, tally, "appended bytes")


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────


def rewritten(sample: Sample, name: str) -> bytes:
    """The file as it would be in a journal with another identity."""
    data, edges = sample.files[name], sample.frames(name)
    seed, foreign = seed_of(sample.heading(name).identity), seed_of(FOREIGN)
    magic = SNAPSHOT if name == sample.snapshot else SEGMENT
    parts = [heading(magic, FOREIGN, sample.heading(name).sequence)]
    for start, end in pairwise(edges):
        header = header_at(data, start, seed)
        assert header is not None
        payloads = payloads_of(header, data[start + HEADER_BYTES : end], seed)
        assert payloads is not None
        parts.append(encode(foreign, header.sequence, payloads, Kind(header.kind)))
    return b"".join(parts)


def layouts(sample: Sample) -> Iterator[tuple[str, dict[str, bytes], Judged]]:
    """Files missing, renamed, copied or foreign, and what is to become of each folder."""
    files, (first, *_, live) = sample.files, sample.segments

    def without(name: str) -> dict[str, bytes]:
        return {other: data for other, data in files.items() if other != name}

    short = Judged(Verdict.SHORT, sample.records_to(live, 0))
    for name in files:
        missing = short if name == live else REFUSED
        kind = name[17:]
        number = int(name[:16])
        yield f"{name} missing", without(name), missing
        yield f"{name} under a name of no meaning", {**without(name), f"old-{name}": files[name]}, missing
        yield (
            f"{name} under a later number",
            {**without(name), f"{number + 1:016d}.{kind}": files[name]},
            REFUSED,
        )
        yield (
            f"{name} under a far number",
            {**without(name), f"{number + 999:016d}.{kind}": files[name]},
            REFUSED,
        )
        yield f"{name} twice", {**files, f"{number + 1:016d}.{kind}": files[name]}, REFUSED
        yield f"{name} as a copy", {**files, f"{name}.copy": files[name]}, whole(sample)
        yield f"{name} of another journal", {**files, name: rewritten(sample, name)}, REFUSED
        yield f"{name} empty", {**files, name: b""}, REFUSED
    yield (
        "all segments missing",
        {sample.snapshot: files[sample.snapshot]},
        Judged(Verdict.SHORT, sample.records_to(first, 0)),
    )
    foreign = {f"{int(live[:16]) + 999:016d}.seg": rewritten(sample, live)}
    yield "a far segment of another journal", {**files, **foreign}, REFUSED
    yield "two segments for each other", {**files, first: files[live], live: files[first]}, REFUSED


def test_missing_renamed_and_foreign_files(sample: Sample, place: Path, tally: Tally) -> None:
    """A hole, a wrong name or another journal's file is refused; only a missing end cannot be seen."""
    for number, (what, files, expected) in enumerate(layouts(sample)):
        folder = place / str(number)
        Sample(files, sample.records, ()).put(folder)
        judged = judge(folder, sample)
        assert judged == expected, what
        tally.add(f"missing, renamed and foreign files: {judged.verdict.name.lower()}")


# ── a daemon ────────────────────────────────────────────────────────────────────────────────────────────────


def damages(sample: Sample) -> Iterator[Case]:
    """One of each sort in each file, at places that the seed chooses."""
    for kind in KINDS:
        name, random = file_of(sample, kind), chance("daemon", kind)
        data, frames = sample.files[name], sample.frames(name)
        yield from flips(sample, name, random.sample(committed_bits(sample, name), count(2, 10)))
        for at in random.sample(range(HEADING_BYTES, frames[-1] - 1), count(1, 5)):
            if at not in frames:
                end = max(edge for edge in frames if edge <= at)
                allowed = torn(sample.records_to(name, end)) if kind == "live" else REFUSED
                yield Case(f"{at} bytes", name, data[:at], (allowed,))
        garbage = data[: frames[-2]] + random.randbytes(len(data) - frames[-2])
        kept = torn(sample.records_to(name, frames[-2]))
        yield Case("garbage", name, garbage, (REFUSED, kept) if kind == "live" else (REFUSED,))


def see_started(daemon: Daemon, case: Case, sample: Sample) -> Verdict:
    """Start a daemon on the damaged journal: what becomes of it is what the case allows. Raises `Lost`."""
    journal = daemon.directory / "journal"
    sample.put(journal)
    (journal / case.name).write_bytes(case.data)
    before = contents(journal)
    daemon.launch()
    assert daemon.process is not None
    until(lambda: ended(daemon) or daemon.serves(), what="it serves or has ended", within_s=60)
    if ended(daemon):
        said = daemon.log.read_text()
        if (
            daemon.process.returncode != 1
            or not re.search(rf"the journal is damaged: {journal}/\S+ at byte \d+: .*ts-ipc fsck", said)
            or contents(journal) != before
            or REFUSED not in case.allowed
        ):
            raise Lost(f"{case.what}: exit status {daemon.process.returncode}: {said}")
        return Verdict.REFUSED
    shown = [id_ for id_ in sample.acknowledged if is_shown(daemon, id_)]
    if Verdict.TORN not in {judged.verdict for judged in case.allowed}:
        raise Lost(f"{case.what} is served, with {len(shown)} of {len(sample.acknowledged)} messages")
    if (
        shown != list(sample.acknowledged[: len(shown)])
        or "of an unfinished write off" not in daemon.log.read_text()
    ):
        raise Lost(f"{case.what}: {shown} are left")
    sent = daemon.call("send", source="a", target="one", type="data", message="on")
    daemon.kill()
    daemon.start()
    if not all(is_shown(daemon, id_) for id_ in (*shown, sent["id"])):
        raise Lost(f"{case.what}: the next life does not know all that this one knew")
    return Verdict.TORN


def ended(daemon: Daemon) -> bool:
    assert daemon.process is not None
    return daemon.process.poll() is not None


def is_shown(daemon: Daemon, id_: str) -> bool:
    return "result" in call(daemon.socket_path, "show", id=id_)


def test_a_daemon_serves_all_or_says_where(sample: Sample, short_path: Path, tally: Tally) -> None:
    """It ends with status 1, says file and byte, and leaves them alone; or cuts a torn end and goes on."""
    for number, case in enumerate(damages(sample)):
        folder = short_path / str(number)
        daemon = Daemon(folder / "ipc", {"TMUX_TMPDIR": str(short_path)})
        (folder / "ipc").mkdir(mode=0o700, parents=True)
        try:
            verdict = see_started(daemon, case, sample)
        finally:
            daemon.close()
        tally.add(f"daemons started on a damaged journal: {verdict.name.lower()}")


def with_a_tail_cut_anywhere() -> None:
    """For `weakened`."""
    reading.judge = cut_anything  # type: ignore[attr-defined]


def test_a_daemon_that_cuts_at_any_bad_frame_loses_messages(sample: Sample, short_path: Path) -> None:
    """It serves a journal with a flipped bit, and fewer messages than it accepted."""
    daemon = Daemon(
        short_path / "ipc",
        {"TMUX_TMPDIR": str(short_path)},
        weakened=f"{__name__}:{with_a_tail_cut_anywhere.__name__}",
    )
    (short_path / "ipc").mkdir(mode=0o700)
    (case,) = flips(sample, sample.live, [8 * (HEADING_BYTES + HEADER_BYTES + 3)])
    try:
        with pytest.raises(Lost, match="is served"):
            see_started(daemon, case, sample)
    finally:
        daemon.close()


# ── with a safeguard off ────────────────────────────────────────────────────────────────────────────────────


def header_unchecked(data: bytes, offset: int, seed: int) -> Header | None:  # noqa: ARG001
    """A header that is taken as it is found."""
    if len(data) - offset < HEADER_BYTES or data[offset : offset + 3] != record.MAGIC:
        return None
    length, sequence, payloads, body_crc = record._FIELDS.unpack_from(data, offset)[2:]
    return Header(data[offset + 3], length, sequence, payloads, body_crc)


def without_header_crc(patch: pytest.MonkeyPatch) -> None:
    """The checksum covers the payload only."""
    for module in (record, reading, repair):
        patch.setattr(module, "header_at", header_unchecked)


def without_any_crc(patch: pytest.MonkeyPatch) -> None:
    """No checksum is looked at."""
    without_header_crc(patch)
    real = record.payloads_of

    def payloads_unchecked(header: Header, rest: bytes, seed: int) -> list[bytes] | None:
        body = rest[: header.length]
        return real(header._replace(body_crc=crc32(body, seed)), rest, seed)

    patch.setattr(reading, "payloads_of", payloads_unchecked)


def cut_anything(data: bytes, offset: int, expected: int, seed: int) -> repair.Ending:  # noqa: ARG001
    """Whatever makes no sense is a torn tail."""
    is_zero = not data[offset:].strip(b"\0")
    return repair.Ending(repair.Verdict.CLEAN if is_zero else repair.Verdict.TORN)


def with_any_torn_tail(patch: pytest.MonkeyPatch) -> None:
    """The tail is cut at any bad frame."""
    patch.setattr(reading, "judge", cut_anything)


@pytest.mark.parametrize("weakened", [without_any_crc, without_header_crc, with_any_torn_tail])
def test_a_reader_without_a_safeguard_loses_records(
    weakened: FunctionType, sample: Sample, folder: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same flips, judged the same way, show what each safeguard is for."""
    name = sample.live
    bits = sorted(chance("control").sample(committed_bits(sample, name), 400))
    header_bits = range(8 * sample.frames(name)[-2], 8 * (sample.frames(name)[-2] + HEADER_BYTES))
    cases = list(flips(sample, name, [*bits, *header_bits]))
    assert lost(cases, sample, folder) == 0
    weakened(monkeypatch)
    number = lost(cases, sample, folder)
    assert number > 0
    tally.add(f"flips that {weakened.__name__} would lose, of {len(cases)}", number)
