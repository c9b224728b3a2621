"""The frame: one committed batch of payloads as bytes. Pure: knows no files.

All numbers are little-endian.

    0   3  magic F7 54 4A (F7 never occurs in UTF-8 text)
    3   1  kind: 1 payloads, 2 the end of a snapshot
    4   4  length of the body
    8   8  sequence number of the first payload
    16  4  count of payloads
    20  4  CRC-32 of the body
    24  4  CRC-32 of bytes 0 to 23, so that it covers the body as well
    28  1  mark A5
    29  …  body: `count` lengths of 4 bytes, then the payloads one after the other
    …   1  mark A5

Both checksums start from a seed made of the journal's identity: bytes of another journal never verify. Each
mark is a byte that a lost sector, which reads as zeros, cannot imitate, nor one flipped bit turn into zero.

A frame is written with one write and synced before the next one is written. So a frame is all or nothing, and
a valid header after a bad place proves that the bad place was durable once.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

MAGIC = b"\xf7TJ"
MARK = 0xA5
MARK_BYTE = b"\xa5"

_FIELDS = struct.Struct("<3sBIQII")
_CHECK = struct.Struct("<IB")
HEADER_BYTES = _FIELDS.size + _CHECK.size
FRAME_BYTES = HEADER_BYTES + len(MARK_BYTE)
"""What a frame needs beside its table and payloads."""
LENGTH_BYTES = 4
"""What each payload needs in the table."""
_SWAPPED = sys.byteorder == "big"


class Kind(IntEnum):
    """What a frame holds."""

    PAYLOADS = 1
    END = 2


class Header(NamedTuple):
    """A frame's header whose own checksum is right."""

    kind: int
    length: int
    sequence: int
    payloads: int
    body_crc: int

    @property
    def frame_bytes(self) -> int:
        """The whole frame's size."""
        return FRAME_BYTES + self.length


def seed_of(identity: bytes) -> int:
    """Where the checksums of this journal start."""
    return crc32(identity)


def encode(seed: int, sequence: int, payloads: Sequence[bytes], kind: Kind = Kind.PAYLOADS) -> bytes:
    """The frame of `payloads`, numbered from `sequence`."""
    table = array("I", map(len, payloads))
    if _SWAPPED:
        table.byteswap()
    body = b"".join((table.tobytes(), *payloads))
    fields = _FIELDS.pack(MAGIC, kind, len(body), sequence, len(payloads), crc32(body, seed))
    return b"".join((fields, _CHECK.pack(crc32(fields, seed), MARK), body, MARK_BYTE))


def header_at(data: bytes, offset: int, seed: int) -> Header | None:
    """The header that starts at `offset`; None if there is no whole and right one."""
    if len(data) - offset < HEADER_BYTES:
        return None
    magic, *fields = _FIELDS.unpack_from(data, offset)
    check, mark = _CHECK.unpack_from(data, offset + _FIELDS.size)
    if magic != MAGIC or mark != MARK:
        return None
    if crc32(data[offset : offset + _FIELDS.size], seed) != check:
        return None
    return Header(*fields)


def payloads_of(header: Header, rest: bytes, seed: int) -> list[bytes] | None:
    """The payloads of the frame; None unless `rest`, all that follows its header, is whole and right."""
    length, table_bytes = header.length, header.payloads * LENGTH_BYTES
    if len(rest) != length + 1 or rest[length] != MARK:
        return None
    body = rest[:length]
    if crc32(body, seed) != header.body_crc or table_bytes > length:
        return None
    table = array("I", body[:table_bytes])
    if _SWAPPED:
        table.byteswap()
    payloads, start = [], table_bytes
    for size in table:
        payloads.append(body[start : start + size])
        start += size
    return payloads if start == length else None


def find_header(data: bytes, start: int, seed: int, above: int) -> int:
    """Where the first right header at or after `start` with a sequence over `above` is; -1 if nowhere."""
    offset = data.find(MAGIC, start)
    while offset >= 0:
        header = header_at(data, offset, seed)
        if header is not None and header.sequence > above:
            return offset
        offset = data.find(MAGIC, offset + 1)
    return -1
