"""MessagePack for plain values (None, booleans, numbers, text, lists, maps with text keys), without imports.

The library takes longer to load than a whole command may take. What is not among the plain values is a
`ValueError` here, and left to the library.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

DEEPEST = 16
"""Nothing in this protocol is nested deeper than this."""

_UINTS = ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8))
_INTS = ((0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8))
_SIZED = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}
_NUMBERS = {code: (size, False) for code, size in _UINTS} | {code: (size, True) for code, size in _INTS}
_CONSTANTS: dict[int, bool | None] = {0xC0: None, 0xC2: False, 0xC3: True}


def pack(value: object) -> bytes:
    """`value` in its shortest form, as the library writes it. Raises `ValueError`."""
    if value is None or isinstance(value, bool):
        return b"\xc0" if value is None else b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, float):
        from struct import pack as packed  # noqa: PLC0415 (rarely a float)

        return packed(">Bd", 0xCB, value)
    if isinstance(value, str):
        text = value.encode()
        size = len(text)
        if 0x20 <= size < 0x100:  # noqa: PLR2004 (the format's own numbers, here and below)
            return bytes((0xD9, size)) + text
        return _head(size, 0xA0, 0x20, 0xDA) + text
    if isinstance(value, list | tuple):
        return _head(len(value), 0x90, 0x10, 0xDC) + b"".join([pack(item) for item in value])
    if isinstance(value, dict):
        return _head(len(value), 0x80, 0x10, 0xDE) + b"".join(
            [pack(key) + pack(item) for key, item in value.items()]
        )
    raise ValueError(f"no plain value: {type(value).__name__}")


def unpack(data: bytes) -> Plain:
    """The one value that `data` is. Raises `ValueError`."""
    reader = _Reader(data)
    value = reader.value(DEEPEST)
    if reader.at != len(data):
        raise ValueError("more than one value")
    return value


def _head(size: int, fixed: int, fixed_below: int, wide: int) -> bytes:
    if size < fixed_below:
        return bytes((fixed | size,))
    if size < 1 << 16:
        return bytes((wide,)) + size.to_bytes(2, "big")
    return bytes((wide + 1,)) + size.to_bytes(4, "big")


def _pack_int(value: int) -> bytes:
    if -0x20 <= value < 0x80:  # noqa: PLR2004
        return bytes((value & 0xFF,))
    for code, size in _INTS if value < 0 else _UINTS:
        try:
            return bytes((code,)) + value.to_bytes(size, "big", signed=value < 0)
        except OverflowError:
            continue
    raise ValueError("the number is too large")


class _Reader:
    """Reads values from the front to the back."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def value(self, deepest: int) -> Plain:
        """The next value, nested at most so deep."""
        code = self._take(1)[0]
        if code < 0x80 or code >= 0xE0:  # noqa: PLR2004
            return code if code < 0x80 else code - 0x100  # noqa: PLR2004
        if code < 0xC0:  # noqa: PLR2004
            if code >= 0xA0:  # noqa: PLR2004
                return self._text(code & 0x1F)
            return self._list(code & 0xF, deepest) if code & 0x10 else self._map(code & 0xF, deepest)
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        if code in _NUMBERS:
            size, signed = _NUMBERS[code]
            return int.from_bytes(self._take(size), "big", signed=signed)
        if code in (0xCA, 0xCB):
            return self._float(code)
        if code not in _SIZED:
            raise ValueError(f"no plain value: 0x{code:02x}")
        count = int.from_bytes(self._take(_SIZED[code]), "big")
        if code <= 0xDB:  # noqa: PLR2004
            return self._text(count)
        return self._list(count, deepest) if code <= 0xDD else self._map(count, deepest)  # noqa: PLR2004

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise ValueError("the value is cut off")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def _text(self, size: int) -> str:
        return self._take(size).decode()

    def _float(self, code: int) -> float:
        from struct import unpack as unpacked  # noqa: PLC0415 (most answers have none)

        (number,) = unpacked(">f" if code == 0xCA else ">d", self._take(4 if code == 0xCA else 8))  # noqa: PLR2004
        return float(number)

    def _list(self, count: int, deepest: int) -> list[Plain]:
        self._check(count, deepest)
        return [self.value(deepest - 1) for _ in range(count)]

    def _map(self, count: int, deepest: int) -> dict[str, Plain]:
        self._check(count, deepest)
        pairs: dict[str, Plain] = {}
        for _ in range(count):
            key = self.value(deepest - 1)
            if not isinstance(key, str):
                raise ValueError("a key that is no text")  # noqa: TRY004 (of bytes, not of the caller)
            pairs[key] = self.value(deepest - 1)
        return pairs

    def _check(self, count: int, deepest: int) -> None:
        if deepest <= 0 or count > len(self.data) - self.at:
            raise ValueError("too deep, or cut off")
