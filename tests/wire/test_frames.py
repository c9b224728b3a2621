"""Bytes into payloads, however they are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipc_client.wire.errors import ErrorCode
from tsipc_client.wire.frames import Receiver, frame
from tsipc_client.wire.messages import MAX_FRAME_BYTES

payloads = st.lists(st.binary(min_size=1, max_size=300), max_size=8)
cuts = st.lists(st.integers(0, 3000), max_size=12)


def in_pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place for place in at if place < len(data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(payloads, cuts)
def test_frames_come_out_as_they_went_in(sent: list[bytes], at: list[int]) -> None:
    """Wherever the bytes are cut, the payloads are whole and in order."""
    receiver = Receiver(lines=False)
    pieces = in_pieces(b"".join(map(frame, sent)), at)
    assert [payload for piece in pieces for payload in receiver.feed(piece)] == sent
    assert receiver.broken is None
    assert not receiver.is_partial


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=50), max_size=8), cuts
)
def test_lines_come_out_as_they_went_in(texts: list[str], at: list[int]) -> None:
    """The same for lines; blank ones vanish."""
    sent = [text.encode() for text in texts]
    receiver = Receiver(lines=True)
    pieces = in_pieces(b"".join(line + b"\n" for line in sent), at)
    got = [payload for piece in pieces for payload in receiver.feed(piece)]
    assert got == [line for line in sent if line.strip()]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    """Whatever comes is payloads or a stated break, never an exception."""
    receiver = Receiver()
    for piece in pieces:
        receiver.feed(piece)
    receiver.end()
    if receiver.broken is not None:
        assert receiver.broken.code in (ErrorCode.BAD_FRAME, ErrorCode.TOO_LARGE)
        assert receiver.feed(frame(b"x")) == []


@pytest.mark.parametrize(("first", "lines"), [(b'{"method":"hello"}\n', True), (frame(b"\xc0"), False)])
def test_the_first_byte_chooses(first: bytes, lines: bool) -> None:
    """A brace begins a connection of lines, anything else one of frames."""
    receiver = Receiver()
    assert len(receiver.feed(first)) == 1
    assert receiver.lines is lines


def test_a_frame_over_the_limit_breaks_before_its_body() -> None:
    """Four bytes are enough to refuse; the limit itself is allowed."""
    receiver = Receiver(lines=False)
    assert receiver.feed(frame(b"x") + (MAX_FRAME_BYTES + 1).to_bytes(4, "big")) == [b"x"]
    assert receiver.broken is not None
    assert receiver.broken.code is ErrorCode.TOO_LARGE
    assert not receiver.is_partial
    largest = Receiver(lines=False)
    assert largest.feed(frame(bytes(MAX_FRAME_BYTES))) == [bytes(MAX_FRAME_BYTES)]


@pytest.mark.parametrize("piece_bytes", [1 << 12, MAX_FRAME_BYTES + 1])
def test_a_line_over_the_limit_breaks(piece_bytes: int) -> None:
    """A line without end is not collected for ever; the lines before it were given."""
    receiver = Receiver(lines=True)
    got = receiver.feed(b"{}\n")
    for _ in range(0, MAX_FRAME_BYTES + 1, piece_bytes):
        got += receiver.feed(b"x" * piece_bytes)
    assert got == [b"{}"]
    assert receiver.broken is not None
    assert receiver.broken.code is ErrorCode.TOO_LARGE
    whole = Receiver(lines=True)
    assert whole.feed(b"x" * (MAX_FRAME_BYTES + 1) + b"\n") == []
    assert whole.broken is not None


def test_an_empty_frame_breaks() -> None:
    """No message has no bytes."""
    receiver = Receiver(lines=False)
    assert receiver.feed(bytes(4)) == []
    assert receiver.broken is not None


def test_a_web_browser_is_told_what_is_spoken_here() -> None:
    """Text that is no JSON gets a hint, not a size."""
    receiver = Receiver()
    receiver.feed(b"GET / HTTP/1.1\r\n\r\n")
    assert receiver.broken is not None
    assert receiver.broken.code is ErrorCode.BAD_FRAME
    assert "'GET '" in receiver.broken.message


def test_windows_line_ends_and_blank_lines_are_tolerated() -> None:
    """What people and tools put around lines does not matter."""
    receiver = Receiver()
    assert receiver.feed(b'{"a":1}\r\n\r\n\n  \n{"b":2}\n') == [b'{"a":1}\r', b'{"b":2}']


def test_the_last_line_needs_no_end_and_a_frame_does() -> None:
    """At the end of a connection a begun line counts, a begun frame is a break."""
    lines = Receiver()
    assert lines.feed(b'{"a":1}\n{"b"') == [b'{"a":1}']
    assert lines.end() == [b'{"b"']
    frames = Receiver(lines=False)
    assert frames.feed(frame(b"abc")[:-1]) == []
    assert frames.is_partial
    assert frames.end() == []
    assert frames.broken is not None
