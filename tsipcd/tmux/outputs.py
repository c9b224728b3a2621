"""What a step leaves for others in the file `$TS_OUTPUT`.

NAME=VALUE          one line
NAME<<WORD          everything up to the line WORD
...
WORD
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from tsipcd.tmux.files import open_plain

MAX_BYTES: Final = 1 << 20
"""Of the whole file; more is refused, never cut."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_LONG: Final = re.compile(r"([^=]*?)<<(.+)")


class _Malformed(Exception):
    pass


def read(path: Path) -> tuple[tuple[tuple[str, str], ...], str]:
    """The outputs, each name once with its last value, and what is wrong with the file (empty: nothing)."""
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            data = file.read(MAX_BYTES + 1)
        return tuple(_parsed(data).items()), ""
    except FileNotFoundError:
        return (), ""
    except OSError as error:
        return (), f"its outputs cannot be read: {error.strerror}"
    except _Malformed as error:
        return (), f"its outputs: {error}"


def _parsed(data: bytes) -> dict[str, str]:
    if len(data) > MAX_BYTES:
        raise _Malformed(f"more than {MAX_BYTES:,} bytes")
    found: dict[str, str] = {}
    lines = enumerate(data.decode("utf-8", "replace").split("\n"), 1)
    for number, line in lines:
        if not line.strip():
            continue
        if (long := _LONG.match(line)) is not None:
            name, word = long[1], long[2]
            value: list[str] = []
            for _, inner in lines:
                if inner == word:
                    break
                value.append(inner)
            else:
                raise _Malformed(f"line {number}: there is no line {word!r} behind it")
            found[_name(name, number)] = "\n".join(value)
        else:
            name, equals, rest = line.partition("=")
            if not equals:
                raise _Malformed(f"line {number} is neither NAME=VALUE nor NAME<<WORD")
            found[_name(name, number)] = rest
    return found


def _name(name: str, number: int) -> str:
    if not _NAME.fullmatch(name):
        raise _Malformed(f"line {number}: {name!r} is no name")
    return name
