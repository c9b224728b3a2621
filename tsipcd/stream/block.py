"""The bytes of a file of events: a heading, then blocks, each some events and what is needed to skip them.

All numbers are little-endian.

    heading   0  8  magic TSIPCEVT           block   0  4  magic EV F7 4B
              8  4  format version, 1                4  4  length of the body
             12  4  identity of the journal          8  4  count of events
             16  8  number of the first event       12  8  number of the first
             24  8  number of the event before      20  8  number of the last
             32  4  CRC-32 of bytes 0 to 31         28  8  time of the latest, a double
                                                    36  4  CRC-32 of the body
                                                    40  4  CRC-32 of bytes 0 to 39
                                                    44  …  body: one MessagePack map for each event

An event's number is the sequence of its fact in the journal. Knows no files.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from tsipc_client.wire.messages import EventView

BODY_BYTES: Final = 64 << 10
"""A block is ended when its body has so many."""

_HEADING = struct.Struct("<8sI4sQQ")
_BLOCK = struct.Struct("<4sIIQQdI")
_CRC = struct.Struct("<I")
HEADING_BYTES: Final = _HEADING.size + _CRC.size
BLOCK_BYTES: Final = _BLOCK.size + _CRC.size
_MAGIC, _BLOCK_MAGIC, _VERSION = b"TSIPCEVT", b"EV\xf7K", 1
_FIXARRAY_MOST, _ARRAY16_MOST = 15, 0xFFFF

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[EventView])


class Heading(NamedTuple):
    """What a file's first bytes tell."""

    identity: bytes
    first: int
    before: int
    """The number of the last event of the file before, 0 if there was none."""


class Block(NamedTuple):
    """What stands before a body."""

    body_bytes: int
    events: int
    first: int
    last: int
    latest: float
    crc: int


def heading(identity: bytes, first: int, before: int) -> bytes:
    """The bytes that a file begins with."""
    data = _HEADING.pack(_MAGIC, _VERSION, identity, first, before)
    return data + _CRC.pack(crc32(data))


def heading_of(data: bytes) -> Heading | None:
    """What `heading` made; None if it did not make this."""
    if len(data) < HEADING_BYTES or _CRC.unpack_from(data, _HEADING.size)[0] != crc32(data[: _HEADING.size]):
        return None
    magic, version, identity, first, before = _HEADING.unpack_from(data)
    return Heading(identity, first, before) if (magic, version) == (_MAGIC, _VERSION) else None


def packed(event: EventView) -> bytes:
    """The bytes of an event, in a block and in an answer."""
    return _encoder.encode(event)


def blocks(events: Sequence[EventView], bodies: Sequence[bytes]) -> Iterator[bytes]:
    """`events`, whose bytes are `bodies`, as blocks."""
    begin, size = 0, 0
    for place, body in enumerate(bodies):
        if size and size + len(body) > BODY_BYTES:
            yield _block(events[begin:place], bodies[begin:place])
            begin, size = place, 0
        size += len(body)
    if size:
        yield _block(events[begin:], bodies[begin:])


def block_at(data: bytes, offset: int) -> Block | None:
    """The block's header at `offset`; None if there is no whole one."""
    if len(data) < offset + BLOCK_BYTES:
        return None
    head = data[offset : offset + _BLOCK.size]
    if _CRC.unpack_from(data, offset + _BLOCK.size)[0] != crc32(head):
        return None
    magic, body_bytes, count, first, last, latest, crc = _BLOCK.unpack(head)
    return Block(body_bytes, count, first, last, latest, crc) if magic == _BLOCK_MAGIC else None


def is_whole(block: Block, body: bytes) -> bool:
    """Whether these are the bytes that were written."""
    return len(body) == block.body_bytes and crc32(body) == block.crc


def events_of(block: Block, body: bytes) -> list[EventView]:
    """The events of a whole block."""
    return _decoder.decode(array(block.events, body))


def array(count: int, body: bytes) -> bytes:
    """The MessagePack array of the `count` values whose bytes are `body`."""
    if count <= _FIXARRAY_MOST:
        return bytes((0x90 | count,)) + body
    if count <= _ARRAY16_MOST:
        return b"\xdc" + count.to_bytes(2, "big") + body
    return b"\xdd" + count.to_bytes(4, "big") + body


def _block(events: Sequence[EventView], bodies: Sequence[bytes]) -> bytes:
    body = b"".join(bodies)
    latest = max(event.at for event in events)
    head = _BLOCK.pack(
        _BLOCK_MAGIC, len(body), len(events), events[0].seq, events[-1].seq, latest, crc32(body)
    )
    return b"".join((head, _CRC.pack(crc32(head)), body))
