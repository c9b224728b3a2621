from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.journal.conftest import SEED
from tsipcd.journal.record import HEADER_BYTES, Header, encode, find_header, header_at, payloads_of, seed_of


def decoded(data: bytes, offset: int = 0, seed: int = SEED) -> tuple[Header, list[bytes]] | None:
    header = header_at(data, offset, seed)
    if header is None:
        return None
    payloads = payloads_of(header, data[offset + HEADER_BYTES : offset + header.frame_bytes], seed)
    return None if payloads is None else (header, payloads)


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 2**64 - 1), st.binary(max_size=40))
def test_what_was_encoded_is_decoded(payloads: list[bytes], sequence: int, before: bytes) -> None:
    """A frame gives back its payloads and their sequence, wherever it lies."""
    frame = encode(SEED, sequence, payloads)
    found = decoded(before + frame + b"rest", len(before))
    assert found is not None
    assert found[1] == payloads
    assert found[0].sequence == sequence
    assert found[0].frame_bytes == len(frame)


def test_every_flipped_bit_is_noticed() -> None:
    """No single bit of a frame can be wrong unnoticed: header, table, payloads and marks are all covered."""
    frame = encode(SEED, 7, [b"one", b"", b"\0\0\0"])
    for bit in range(len(frame) * 8):
        wrong = bytearray(frame)
        wrong[bit // 8] ^= 1 << bit % 8
        assert decoded(bytes(wrong)) is None, f"bit {bit}"


@pytest.mark.parametrize("cut", [1, 2, HEADER_BYTES, 40])
def test_a_cut_frame_is_no_frame(cut: int) -> None:
    """A frame without its last bytes does not decode."""
    assert decoded(encode(SEED, 1, [b"x" * 30])[:-cut]) is None


def test_another_journals_frame_is_no_frame() -> None:
    """The checksums are bound to the journal's identity."""
    assert decoded(encode(seed_of(b"abcd"), 1, [b"x"]), seed=seed_of(b"abce")) is None


def test_a_later_header_is_found() -> None:
    """The search finds a right header with a higher sequence, past look-alikes and lower ones."""
    lower, higher = encode(SEED, 3, [b"x"]), encode(SEED, 5, [b"x"])
    data = b"\xf7TJ\xf7TJ" + lower + b"\xf7T" + higher
    assert find_header(data, 0, SEED, above=4) == len(data) - len(higher)
    assert find_header(data, 0, SEED, above=5) == -1
