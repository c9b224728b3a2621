"""The journal's files: their names and the heading each begins with. Pure: opens nothing.

    NNNNNNNNNNNNNNNN.seg   a segment; N is the sequence of its first payload, 16 decimal digits
    NNNNNNNNNNNNNNNN.snap  a snapshot of the state up to and including sequence N
    0000000000000000.new   the spare: zeros, kept so that the next segment needs no room
    *.tmp                  unfinished; removed at the next start
    *.broken-TIME          what was cut off as a torn tail, for people

A segment and a snapshot begin with 32 bytes, little-endian:

    0   8  `TSIPCSEG` or `TSIPCSNP`
    8   4  format version, 1
    12  4  identity of the journal, random, the same in all its files
    16  8  the sequence in the name
    24  3  the first version that reads the file: major, minor, patch; zeros: every version
    27  1  zero
    28  4  CRC-32 of bytes 0 to 27
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from tsipcd.journal.errors import Corrupt, Newer

SEGMENT = b"TSIPCSEG"
SNAPSHOT = b"TSIPCSNP"
VERSION = 1
NEEDS = (0, 0, 0)
"""The first version that reads what this one writes: raised with every kind of fact, field or value that is
added, so that an older version refuses the file, and does not lose what it cannot know. Zeros: every one."""
IDENTITY_BYTES = 4

# As long as a segment's name: the folder needs no new block when the one becomes the other.
SPARE = "0000000000000000.new"

_FIELDS = struct.Struct("<8sI4sQ4s")
_CHECK = struct.Struct("<I")
HEADING_BYTES = _FIELDS.size + _CHECK.size
_NAME = re.compile(r"(\d{16})\.(seg|snap)")


class Heading(NamedTuple):
    """What a file says about itself."""

    identity: bytes
    sequence: int


class Named(NamedTuple):
    """A file and the sequence in its name."""

    sequence: int
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a journal, by the sequence in their names."""

    segments: tuple[Named, ...]
    snapshots: tuple[Named, ...]
    leftovers: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Layout:
        """The layout of a folder that lists `names`; what is not ours is ignored."""
        found: dict[str, list[Named]] = {"seg": [], "snap": []}
        leftovers = []
        for name in names:
            if match := _NAME.fullmatch(name):
                found[match[2]].append(Named(int(match[1]), name))
            elif name.endswith(".tmp"):
                leftovers.append(name)
        return cls(tuple(sorted(found["seg"])), tuple(sorted(found["snap"])), tuple(leftovers))


def segment_name(first: int) -> str:
    """The name of the segment whose first payload has the sequence `first`."""
    return f"{first:016d}.seg"


def snapshot_name(last: int) -> str:
    """The name of the snapshot of everything up to `last`."""
    return f"{last:016d}.snap"


def heading(magic: bytes, identity: bytes, sequence: int) -> bytes:
    """The bytes that a file begins with."""
    fields = _FIELDS.pack(magic, VERSION, identity, sequence, bytes((*NEEDS, 0)))
    return fields + _CHECK.pack(crc32(fields))


def read_heading(magic: bytes, data: bytes, directory: str, file: Named) -> Heading:
    """What the file that begins with `data` says about itself. Raises `Corrupt` or `Newer`."""
    if len(data) < HEADING_BYTES:
        raise Corrupt(directory, file.name, 0, f"it has {len(data)} bytes, less than its heading")
    found, version, identity, sequence, needs = _FIELDS.unpack_from(data)
    (check,) = _CHECK.unpack_from(data, _FIELDS.size)
    if crc32(data[: _FIELDS.size]) != check or found != magic:
        raise Corrupt(directory, file.name, 0, "its heading is damaged")
    if version != VERSION:
        raise Newer(f"{directory}/{file.name}", f"it has format {version}", needs=_written(needs))
    if needs > bytes((*NEEDS, 0)):
        raise Newer(f"{directory}/{file.name}", "it says so", needs=_written(needs))
    if sequence != file.sequence:
        raise Corrupt(directory, file.name, 0, f"it says that it belongs at {sequence}")
    return Heading(identity, sequence)


def _written(needs: bytes) -> str:
    return ".".join(map(str, needs[:3])) if any(needs) else ""
