"""Bytes into messages' bytes and back: length-prefixed frames, or lines. Knows nothing of what is in them.

A frame is a 4-byte big-endian length and that many bytes. A connection whose first byte is `{` is made of
lines instead: no frame under the size limit begins with that byte.
"""

from __future__ import annotations

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages.limits import MAX_FRAME_BYTES

HEADER_BYTES = 4
_BRACE = 0x7B


class Receiver:
    """Takes a connection's bytes as they come and gives whole payloads.

    Bytes that are no frames set `broken`; what was whole before them has been given by then, and nothing is
    given after.
    """

    __slots__ = ("_missing", "_partial", "broken", "lines")

    def __init__(self, *, lines: bool | None = None) -> None:
        self.lines = lines
        """Whether lines come, not frames; None: the first byte will tell."""
        self.broken: BadInput | None = None
        self._partial = bytearray()
        self._missing = 0

    @property
    def is_partial(self) -> bool:
        """Whether a payload has begun that is not whole."""
        return bool(self._partial)

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order."""
        if self.broken or not data:
            return []
        if self.lines is None:
            self.lines = data[0] == _BRACE
        if self._partial:
            self._partial += data
            self._missing -= len(data)
            # Joined only when that yields something, or a frame in small pieces would be copied for each.
            if (b"\n" not in data) if self.lines else self._missing > 0:
                self._check_line()
                return []
            data = bytes(self._partial)
            self._partial.clear()
        return self._split_lines(data) if self.lines else self._split_frames(data)

    def end(self) -> list[bytes]:
        """The connection's bytes have ended: a last line needs no line end, a frame must be whole."""
        rest = bytes(self._partial)
        self._partial.clear()
        if self.broken or not rest:
            return []
        if self.lines:
            return [rest] if rest.strip() else []
        self.broken = BadInput(ErrorCode.BAD_FRAME, "the connection ended within a frame")
        return []

    def _split_frames(self, data: bytes) -> list[bytes]:
        payloads: list[bytes] = []
        start, end = 0, len(data)
        self._missing = 1
        while end - start >= HEADER_BYTES:
            body = start + HEADER_BYTES
            size = int.from_bytes(data[start:body], "big")
            if not 0 < size <= MAX_FRAME_BYTES:
                self.broken = _bad_size(size, data[start:body])
                return payloads
            if body + size > end:
                self._missing = body + size - end
                break
            payloads.append(data[body : body + size])
            start = body + size
        else:
            self._missing = HEADER_BYTES - (end - start)
        self._partial += data[start:]
        return payloads

    def _split_lines(self, data: bytes) -> list[bytes]:
        *lines, rest = data.split(b"\n")
        self._partial += rest
        payloads: list[bytes] = []
        for line in lines:
            if len(line) > MAX_FRAME_BYTES:
                self.broken = _long_line()
                return payloads
            if line and not line.isspace():
                payloads.append(line)
        self._check_line()
        return payloads

    def _check_line(self) -> None:
        if self.lines and len(self._partial) > MAX_FRAME_BYTES:
            self._partial.clear()
            self.broken = _long_line()


def frame(payload: bytes) -> bytes:
    """`payload` as one frame. The caller keeps the size limit."""
    return len(payload).to_bytes(HEADER_BYTES, "big") + payload


def _bad_size(size: int, header: bytes) -> BadInput:
    if size == 0:
        return BadInput(ErrorCode.BAD_FRAME, "a frame of no bytes holds no message")
    if header.isalnum() or header.strip() != header:
        return BadInput(
            ErrorCode.BAD_FRAME,
            f"neither a frame nor a line begins with {header.decode('ascii', 'backslashreplace')!r}",
            hint="send a 4-byte length and MessagePack, or JSON lines whose first byte is '{'",
        )
    return BadInput(
        ErrorCode.TOO_LARGE,
        f"a frame of {size:,} bytes; the limit is {MAX_FRAME_BYTES:,}",
        hint="leave large data in a file and send its path",
    )


def _long_line() -> BadInput:
    return BadInput(
        ErrorCode.TOO_LARGE,
        f"a line of more than {MAX_FRAME_BYTES:,} bytes",
        hint="leave large data in a file and send its path",
    )
