"""What a step's command prints: the markers around it, and its text for those who do not draw a screen.

The daemon cuts logs by the markers; a client that follows a command finds in its log where the output begins.
"""

from __future__ import annotations

import re

MAX_LINE_CHARS = 500

_OSC = "7757;ts-ipc"

_ESCAPE = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, marks
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS and other strings
    r"|\[(?P<parameters>[0-9;:<=>?]*)[ -/]*(?:(?P<final>[@-~])|$)"  # CSI
    r"|[ -/]*[0-~])?"
)
_TOKEN = re.compile(
    rf"(?P<text>[^\x00-\x1f\x7f]+)|(?P<escape>{_ESCAPE.pattern})|(?P<control>[\x00-\x1f\x7f])"
)
_TAB = 8
_UTF8_BYTES = 4

_UNFINISHED = re.compile(rb"\x1b(?:\][^\x07\x1b]*|[PX^_][^\x1b]*|\[[0-9;:<=>?]*[ -/]*|[ -/]*)$")
"""An escape whose end has not come yet."""

_HARMLESS = re.compile(r"\x1b\[[0-9;:]*[mK]|[\n\r\t\b]")
"""What a terminal may be told by others' output: colours, and to go over a line anew."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_C1 = re.compile(r"[\x80-\x9f]")


def begin_marker(run: int, index: int) -> bytes:
    """What is printed right before a step's text runs.

    Of a message by itself, `run` is 0 and `index` its number.
    """
    return f"\x1b]{_OSC};begin;{run}.{index}\x07".encode()


def end_marker(run: int, index: int) -> bytes:
    """What is printed right after it."""
    return f"\x1b]{_OSC};end;{run}.{index}\x07".encode()


def plain_text(raw: bytes) -> str:
    """What stood on the lines in the end: no escapes, overwritten parts (progress bars) as they were last."""
    lines: list[str] = []
    line, column = "", 0
    for token in _TOKEN.finditer(raw.decode("utf-8", "replace")):
        text, control = token["text"], token["control"]
        if text is not None:
            line = line[:column].ljust(column) + text + line[column + len(text) :]
            column += len(text)
        elif control == "\n":
            lines.append(line.rstrip())
            line, column = "", 0
        elif control == "\r":
            column = 0
        elif control == "\b":
            column = max(0, column - 1)
        elif control == "\t":
            column = (column // _TAB + 1) * _TAB
            line = line.ljust(column)
        elif token["final"] is not None:
            line, column = _moved(line, column, token["parameters"], token["final"])
    if line.rstrip():
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n" if lines else ""


def _moved(line: str, column: int, parameters: str, final: str) -> tuple[str, int]:
    """The line after an escape that erases or moves within it."""
    number = int(parameters) if parameters.isdigit() else 0
    match final:
        case "K" if number == 0:
            return line[:column], column
        case "K" if number == 2:  # noqa: PLR2004 - the whole line
            return "", column
        case "C":
            return line, column + min(max(number, 1), MAX_LINE_CHARS)
        case "D":
            return line, max(0, column - max(number, 1))
        case "G":
            return line, min(max(number, 1), MAX_LINE_CHARS) - 1
        case _:
            return line, column


class Printed:
    """The output of one step or captured message while its log grows: raw bytes in, text to write out.

    For a terminal colours stay, and lines that are written over; everything else reads each line once it is
    whole, as it was in the end. No other escape is let through.
    """

    def __init__(self, run: int, index: int, *, terminal: bool = False, colour: bool = False) -> None:
        """Of step `index` of a run, or with `run` 0 of the message of the number `index`."""
        self._begin, self._end = begin_marker(run, index), end_marker(run, index)
        self._terminal = terminal
        self._colour = colour
        self._raw = b""
        """What was fed and may belong to a marker."""
        self._held = b""
        """Output whose rest has to come before it can be shown."""
        self.has_begun = False
        self.has_ended = False
        self.shown_bytes = 0
        """So much of the output between the markers stands in what was given back."""

    def feed(self, raw: bytes) -> str:
        """What can be written of what the log holds up to here; nothing of what is around the markers."""
        self._raw += raw
        if not self.has_begun:
            at = self._raw.find(self._begin)
            if at < 0:
                self._raw = self._raw[-len(self._begin) :]
                return ""
            self.has_begun = True
            self._raw = self._raw[at + len(self._begin) :]
        if self.has_ended:
            return ""
        at = self._raw.find(self._end)
        self.has_ended = at >= 0
        ready = self._raw[: at if self.has_ended else len(self._raw) - self._half_an_end()]
        self._raw = self._raw[len(ready) :]
        return self.take(ready)

    def take(self, raw: bytes) -> str:
        """The same for bytes that are output and nothing else."""
        held = self._held + raw
        end = _shown_end(held) if self._terminal else held.rfind(b"\n") + 1
        self._held = held[end:]
        return self._text(held[:end])

    def finish(self) -> str:
        """What is left, and colours back to what they were."""
        text = self._text(self._held)
        self._held = b""
        return text + "\x1b[0m" if self._terminal and self._colour else text

    def drop(self) -> None:
        """Forget what was not shown yet: it comes once more, or was the prompt behind the output."""
        self._raw = self._held = b""

    def _text(self, raw: bytes) -> str:
        self.shown_bytes += len(raw)
        text = raw.decode("utf-8", "replace")
        if self._terminal:
            return self._shown(text)
        return "\n".join(_as_in_the_end(line) for line in text.split("\n"))

    def _shown(self, text: str) -> str:
        def kept(token: re.Match[str]) -> str:
            if token["text"] is not None:
                return _C1.sub("", token["text"])
            is_kept = _HARMLESS.fullmatch(token[0]) and (self._colour or not token[0].endswith("m"))
            return token[0] if is_kept else ""

        return _TOKEN.sub(kept, text)

    def _half_an_end(self) -> int:
        """How many bytes at the end of what is there may be the beginning of the end marker."""
        most = min(len(self._end) - 1, len(self._raw))
        return next((size for size in range(most, 0, -1) if self._raw.endswith(self._end[:size])), 0)


def _shown_end(raw: bytes) -> int:
    """Where an escape or a character begins whose rest has to come; the end of `raw` if there is none."""
    if unfinished := _UNFINISHED.search(raw):
        return unfinished.start()
    for size in range(1, min(_UTF8_BYTES, len(raw)) + 1):
        byte = raw[-size]
        if byte & 0xC0 != 0x80:  # noqa: PLR2004 - a first byte, or ASCII
            length = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 - UTF-8
            return len(raw) - size if size < length else len(raw)
    return len(raw)


def _as_in_the_end(line: str) -> str:
    """A line as it stood on the screen when the next one began."""
    line = line.removesuffix("\r")
    return plain_text(line.encode()).removesuffix("\n") if _CONTROLS.search(line) else line
