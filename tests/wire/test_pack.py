"""Plain values in MessagePack: the same bytes as the library's, and never another meaning."""

from __future__ import annotations

import math
import subprocess
import sys

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire.golden import FOLDER, read
from tsipc_client.wire.pack import DEEPEST, pack, unpack

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
EDGES = st.sampled_from(
    [sign * 2**power + by for power in range(63) for by in (-1, 0, 1) for sign in (1, -1)]
)
LONG = st.sampled_from([31, 32, 255, 256, 65535, 65536]).map("x".__mul__)
SCALARS = st.none() | st.booleans() | NUMBERS | EDGES | st.text() | LONG
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=40,
)
WIDE = [None] * 70_000


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


@given(VALUES)
@example(WIDE)
@example({str(index): index for index in range(70_000)})
def test_a_plain_value_has_the_bytes_that_the_library_gives_it(value: object) -> None:
    """Shortest forms, keys in their order."""
    assert pack(value) == msgpack.packb(value)


@given(VALUES)
@example(WIDE)
def test_what_the_library_writes_is_read(value: object) -> None:
    """As long as it is not nested deeper than any answer."""
    data = msgpack.packb(value)
    if depth(value) <= DEEPEST:
        assert unpack(data) == value
    else:
        with pytest.raises(ValueError, match="deep"):
            unpack(data)


@given(st.binary(max_size=40) | VALUES.map(msgpack.packb).flatmap(lambda data: st.just(data[:-1] + b"\xc1")))
@example(msgpack.packb(1.5, use_single_float=True))
@example(b"\x93\x01")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\x01\x01")
@example(b"\x01\x01")
@example(b"\xa2\xc3\x28")
@example(b"\x82\xa1a\x01\xa1a\x02")
def test_any_bytes_mean_what_they_mean_to_the_library_or_nothing(data: bytes) -> None:
    """What is read here differently would be shown wrong."""
    try:
        value = unpack(data)
    except ValueError:
        return
    other = msgpack.unpackb(data)
    assert repr(value) == repr(other) or (isinstance(value, float) and math.isnan(value))


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), 2**64, -(2**63) - 1, ["x", [b"y"]]])
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    """It is the library's."""
    with pytest.raises(ValueError, match=r"plain|large"):
        pack(value)


@pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.json")])
def test_everything_ever_released_is_read_and_written(name: str) -> None:
    """Requests, answers, stream items and errors are plain values."""
    for encodings in read(name).values():
        data = bytes.fromhex(encodings["msgpack"])[4:]
        value = unpack(data)
        assert value == msgpack.unpackb(data)
        assert pack(value) == data


def test_it_loads_nothing() -> None:
    """Not even the library that it stands in for."""
    code = "import sys, tsipc_client.wire\nbefore = set(sys.modules)\n"
    code += "import tsipc_client.wire.pack\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "tsipc_client.wire.pack"}
