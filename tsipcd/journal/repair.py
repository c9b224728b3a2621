"""What the bytes are where a segment stops making sense: its clean end, a torn tail, or damage. Pure.

A segment is zeros before it is written, and each place is written once. A frame that a power cut or a kill
tore therefore has lost something that reads as zeros: whole sectors anywhere in it, or its end. One flipped
bit, or a few, never look like that. So:

    zeros up to the end of the file                               clean
    a right header anywhere later                                 damage: frames are synced one by one
    a right header here, out of sequence                          damage
    a right header here, something behind its frame               damage
    a frame that the end of the file cuts                         torn
    a header or frame that has lost its end, zeros from there on  torn
    a header or frame with a sector of nothing but zeros          torn
    anything else                                                 damage

Left in doubt is one case: the last frame, damaged, of which some sector was zeros by right. It counts as
torn.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from tsipcd.journal.record import HEADER_BYTES, find_header, header_at

SECTOR_BYTES = 512
"""The least that a disk writes or loses. Larger ones are multiples of it."""


class Verdict(Enum):
    """How a segment ends."""

    CLEAN = auto()
    TORN = auto()
    DAMAGED = auto()


@dataclass(frozen=True, slots=True)
class Ending:
    """The verdict about the bytes from the first place without the next frame on."""

    verdict: Verdict
    reason: str = ""
    """Of damage, for people."""


_CLEAN = Ending(Verdict.CLEAN)
_TORN = Ending(Verdict.TORN)


def judge(data: bytes, offset: int, expected: int, seed: int) -> Ending:
    """What follows `offset`, where the frame with sequence `expected` should be and is not."""
    if _is_zero(data, offset, len(data)):
        return _CLEAN
    later = find_header(data, offset + 1, seed, above=expected)
    if later >= 0:
        return _damaged(f"no record, but one follows at byte {later}")
    header = header_at(data, offset, seed)
    if header is None:
        return _judge_header(data, offset)
    if header.sequence != expected:
        return _damaged(f"record {header.sequence} where {expected} should be")
    return _judge_frame(data, offset, offset + header.frame_bytes)


def _judge_header(data: bytes, offset: int) -> Ending:
    end = offset + HEADER_BYTES
    if end > len(data) or _has_lost_sector(data, offset, end):
        return _TORN
    if data[end - 1] == 0 and _is_zero(data, end, len(data)):
        return _TORN
    return _damaged("a record's header is wrong")


def _judge_frame(data: bytes, offset: int, end: int) -> Ending:
    if end > len(data):
        return _TORN
    if not _is_zero(data, end, len(data)):
        return _damaged("a record is wrong, and something follows it")
    if data[end - 1] == 0 or _has_lost_sector(data, offset, end):
        return _TORN
    return _damaged("the last record is whole but its checksum is wrong")


def _has_lost_sector(data: bytes, start: int, end: int) -> bool:
    """Whether what some sector holds of `start` to `end` is zeros."""
    edges = [start, *range(start - start % SECTOR_BYTES + SECTOR_BYTES, end, SECTOR_BYTES), end]
    return any(_is_zero(data, low, high) for low, high in pairwise(edges))


def _is_zero(data: bytes, start: int, end: int) -> bool:
    return data[start:end] == bytes(end - start)


def _damaged(reason: str) -> Ending:
    return Ending(Verdict.DAMAGED, reason)
