"""Bytes that are nearly right: what becomes of a seed when it is cut, spliced, repeated and written over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MOST_CHANGES = 6
MOST_BYTES = 1 << 16
"""Of a mutated input. What only size can break has tests of its own."""

TELLING = (
    *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\x94\x00", b"\xc1", b"\xff\xff\xff\xff", b"\x00\x10\x00\x01"),
    *(b"\xdd" + b"\xff" * 4, b"\xdf" + b"\xff" * 4, b"\xcf" + b"\xff" * 8, b"\xcb\x7f\xf8" + bytes(6)),
    *(b"\n", b"\r\n", b"{", b"}", b"[" * 200, b'{"a":' * 200, b'"', b"\\ud800", b"\\u0000", b"1e999", b"-0"),
    *(
        b"9" * 400,
        b"NaN",
        b"true",
        b"null",
        b",",
        b":",
        b"\xd9\x02\xed\xa0",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"\x1b[31m",
        b"\x1b]0;x\x07",
        b"\x9b",
        b"\xc2\x9b",
        b"\xe2\x80\xae",
        b"#(id)",
        b"#{E:@x}",
        b"../",
        b"/",
    ),
    *(b"%begin ", b"%end ", b"%error ", b"%exit", b"$ ", b"> ", b"[m", b"[[", b"]", b"=", b"'", b"#"),
    *(b"\xf7TJ", b"\xa5", b"/", b"\xd9\x02\xed\xa0"),
)
"""Pieces that formats here give a meaning, or that break what reads them."""


def mutated(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of `seeds` with some changes."""
    data = chance.choice(seeds)
    for _ in range(chance.randint(0, MOST_CHANGES)):
        at, size = chance.randint(0, len(data)), chance.choice((1, 1, 2, 4, 8, 64))
        match chance.randrange(6):
            case 0:  # cut off
                data = data[:at]
            case 1:  # left out
                data = data[:at] + data[at + size :]
            case 2:  # put in
                data = data[:at] + chance.choice(TELLING) + data[at:]
            case 3:  # written over
                data = data[:at] + chance.randbytes(size) + data[at + size :]
            case 4:  # said again
                data = data[:at] + data[at : at + size] * chance.randint(2, 20) + data[at:]
            case _:  # gone on with as another one
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randint(0, len(other)) :]
        data = data[:MOST_BYTES]
    return data


def smallest(data: bytes, breaks: Callable[[bytes], bool]) -> bytes:
    """`data` with everything left out without which it still breaks what it broke."""
    size = max(len(data) // 2, 1)
    while True:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if breaks(shorter):
                data = shorter
            else:
                at += size
        if size == 1:
            return data
        size //= 2
