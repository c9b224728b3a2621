from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.journal.conftest import SEED
from tsipcd.journal.record import encode
from tsipcd.journal.repair import SECTOR_BYTES, Verdict, judge

BEFORE = 100
FRAME = encode(SEED, 5, [b"one payload", b"x" * 1800, b"and a last one"])
ZEROS = bytes(3 * SECTOR_BYTES)


def verdict(frame: bytes, after: bytes = ZEROS, *, before: int = BEFORE) -> Verdict:
    return judge(b"h" * before + frame + after, before, 5, SEED).verdict


def sectors(before: int = BEFORE) -> list[tuple[int, int]]:
    """What each sector holds of the frame, as offsets in it."""
    edges = [0, *range(SECTOR_BYTES - before % SECTOR_BYTES, len(FRAME), SECTOR_BYTES), len(FRAME)]
    return list(pairwise(edges))


def test_zeros_are_a_clean_end() -> None:
    """Nothing but zeros, or nothing at all, is where a journal ends."""
    assert verdict(b"") is Verdict.CLEAN
    assert verdict(b"", b"") is Verdict.CLEAN


@pytest.mark.parametrize("before", [BEFORE, SECTOR_BYTES - 10])
def test_lost_sectors_are_a_torn_tail(before: int) -> None:
    """Whichever sectors of the last frame a power cut loses, it is seen as torn."""
    pieces = sectors(before)
    for lost in range(1, 2 ** len(pieces) - 1):
        frame = bytearray(FRAME)
        for number, (low, high) in enumerate(pieces):
            if lost >> number & 1:
                frame[low:high] = bytes(high - low)
        assert verdict(bytes(frame), before=before) is Verdict.TORN, f"sectors {lost:b}"


def test_a_lost_end_is_a_torn_tail() -> None:
    """A frame of which only the first bytes were written is torn, cut by the file's end or by zeros."""
    for length in range(1, len(FRAME)):
        assert verdict(FRAME[:length], b"") is Verdict.TORN, f"{length} bytes, then the end"
        assert verdict(FRAME[:length], bytes(9000)) is Verdict.TORN, f"{length} bytes, then zeros"


def test_a_flipped_bit_is_damage() -> None:
    """No flipped bit of a whole last frame is taken for a torn tail."""
    for bit in range(len(FRAME) * 8):
        frame = bytearray(FRAME)
        frame[bit // 8] ^= 1 << bit % 8
        assert verdict(bytes(frame)) is Verdict.DAMAGED, f"bit {bit}"


def test_some_wrong_bytes_are_damage() -> None:
    """A last frame with a few wrong bytes is not cut off."""
    chance = random.Random(1)  # noqa: S311 -- the same bytes in every run
    for _ in range(300):
        frame = bytearray(FRAME)
        for _ in range(3):
            frame[chance.randrange(len(frame) - 1)] = chance.randrange(256)
        assert frame == FRAME or verdict(bytes(frame)) is Verdict.DAMAGED


def test_a_record_behind_a_bad_place_is_damage() -> None:
    """What was followed by another frame had been synced: not even lost sectors make it a torn tail."""
    low, high = sectors()[2]
    torn = FRAME[:low] + bytes(high - low) + FRAME[high:]
    ending = judge(b"h" * BEFORE + torn + ZEROS + encode(SEED, 8, [b"later"]), BEFORE, 5, SEED)
    assert ending.verdict is Verdict.DAMAGED
    assert "follows at byte" in ending.reason


def test_an_earlier_record_inside_is_no_proof() -> None:
    """A copy of an earlier frame in the payload of a torn one proves nothing."""
    inner = encode(SEED, 5, [b"x" * 700 + encode(SEED, 2, [b"old"]) + b"x" * 2000])
    assert verdict(inner[:1200], bytes(4000)) is Verdict.TORN


def test_a_record_out_of_sequence_is_damage() -> None:
    """A whole frame with another sequence is a gap, not an end."""
    ending = judge(encode(SEED, 6, [b"x"]) + ZEROS, 0, 5, SEED)
    assert ending.verdict is Verdict.DAMAGED
    assert "record 6 where 5 should be" in ending.reason


def test_a_flipped_bit_in_the_zeros_is_cut_off() -> None:
    """A wrong bit where nothing was written yet costs no record: it is a torn tail."""
    assert judge(bytes(50) + b"\x04" + bytes(50), 0, 5, SEED).verdict is Verdict.TORN
