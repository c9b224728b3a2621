"""Words of the command line into values of the protocol. Reads stdin for `-`; asks no daemon."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages import MAX_BODY_BYTES, MessageType, Step

STDIN = "-"

_UNQUOTED = re.compile(r"[^A-Za-z0-9_./:=@%+,-]|^=")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_APART = re.compile(r"(['\\])")

_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def utf8_words(words: Sequence[str]) -> list[str]:
    """The words as the UTF-8 they were typed in, whatever the locale made of them."""
    decoded = []
    for index, word in enumerate(words, start=1):
        try:
            decoded.append(os.fsencode(word).decode())
        except UnicodeError as error:
            raise bad_input(
                f"argument {index} is not UTF-8", hint="for other bytes, encode them first (base64)"
            ) from error
    return decoded


def bad_input(message: str, *, hint: str = "", code: ErrorCode = ErrorCode.BAD_PARAMS) -> BadInput:
    """An error of the person at the keyboard."""
    return BadInput(code, message, hint=hint)


def duration_s(text: str, option: str) -> float:
    """Seconds of `90`, `1.5`, `10m`, `2h`, `1d`; more than none."""
    unit = text[-1:] if text[-1:] in _UNIT_S else ""
    number = text.removesuffix(unit)
    whole, point, fraction = number.partition(".")
    digits = [whole, fraction] if point else [whole]
    if not all(part.isascii() and part.isdecimal() for part in digits) or float(number) <= 0:
        raise bad_input(
            f"{option}: {text!r} is no duration", hint=f"write seconds or 10m, 2h, 1d: {option} 10m"
        )
    return float(number) * _UNIT_S[unit]


def moment(text: str, option: str, now: float) -> float:
    """Seconds since 1970 of `15:30` (the next one) or `2026-12-24 15:30`, with a zone (`+01:00`) or here."""
    from datetime import datetime, timedelta  # noqa: PLC0415 (2 ms, for this only)

    try:
        if _CLOCK.fullmatch(text):
            hour, minute, second = (int(part) for part in (*text.split(":"), "0")[:3])
            today = datetime.fromtimestamp(now).astimezone()
            at = today.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
            if at.timestamp() <= now:
                at += timedelta(days=1)
        else:
            at = datetime.fromisoformat(text)
        return at.timestamp()
    except (ValueError, OverflowError) as error:
        raise bad_input(
            f"{option}: {text!r} is no time", hint=f"write 15:30 or '2026-12-24 15:30': {option} 15:30"
        ) from error


def past(text: str, option: str, now: float) -> float:
    """Seconds since 1970 of `10m` (ago), `15:30` (the last one) or a time as `moment` reads it."""
    if text[-1:] in _UNIT_S and text[:-1].replace(".", "", 1).isdecimal():
        return now - duration_s(text, option)
    at = moment(text, option, now)
    return at - _UNIT_S["d"] if _CLOCK.fullmatch(text) else at


def steps(words: Sequence[str]) -> tuple[Step, ...]:
    """`session:command` words as steps, split at the first colon."""
    return tuple(_step(index, word) for index, word in enumerate(words, start=1))


def _step(index: int, word: str) -> Step:
    session, colon, command = word.partition(":")
    if not colon:
        problem = "has no colon"
    elif not session.strip():
        problem = "names no session before the colon"
    elif not command.strip():
        problem = "has no command after the colon"
    else:
        return Step(session=session, command=command)
    shown = word if len(word) <= 40 else word[:40] + "…"  # noqa: PLR2004 (enough to recognise it)
    raise bad_input(
        f"step {index} {problem}: {shown!r}", hint="a step is 'SESSION:COMMAND': 'claude-blacklist:npm test'"
    )


def message_body(word: str, message_type: MessageType) -> str:
    """MESSAGE as given, or stdin. A command or notification loses the line end that `echo` puts there."""
    if word != STDIN:
        return within_limit(word, "MESSAGE")
    text = stdin_text("MESSAGE")
    return text if message_type is MessageType.DATA else text.removesuffix("\n")


def event_data(word: str) -> str:
    """DATA as given, or stdin without its last line end."""
    if word != STDIN:
        return within_limit(word, "DATA")
    return stdin_text("DATA").removesuffix("\n")


def within_limit(text: str, name: str) -> str:
    """The text, if the protocol can carry it."""
    length = len(text.encode())
    if length > MAX_BODY_BYTES:
        raise _too_large(name, f"has {length:,} bytes")
    return text


def stdin_text(name: str) -> str:
    """All of stdin."""
    read = sys.stdin.buffer.read(MAX_BODY_BYTES + 1)
    if len(read) > MAX_BODY_BYTES:
        raise _too_large(name, "on stdin is longer")
    try:
        return read.decode()
    except UnicodeDecodeError as error:
        raise bad_input(
            f"{name} on stdin is not UTF-8 (byte {error.start + 1:,})",
            hint="for other bytes, encode them first (base64)",
        ) from error


def is_file(word: str) -> bool:
    """Whether a word names a file rather than a workflow: it looks like one, or is there."""
    looks_so = word == STDIN or "/" in word or word.endswith((".yaml", ".yml", ".json"))
    return looks_so or Path(word).is_file()


def file_name(path: str) -> str:
    """What to call it in errors."""
    return "stdin" if path == STDIN else path


def file_text(path: str) -> str:
    """The text of a file, or of stdin, which must not be empty."""
    if path == STDIN:
        text = stdin_text("FILE")
    else:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BODY_BYTES + 1)
            text = data.decode("utf-8-sig")
        except OSError as error:
            raise bad_input(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise bad_input(f"{path} is not UTF-8 (byte {error.start + 1:,})") from error
        if len(data) > MAX_BODY_BYTES:
            raise _too_large(path, "is longer")
    if not text.strip():
        raise bad_input(f"{file_name(path)} is empty")
    return text


def _too_large(name: str, what: str) -> BadInput:
    return bad_input(
        f"{name} {what}; the limit is {MAX_BODY_BYTES:,} bytes",
        hint="leave it in a file and send the file's path",
        code=ErrorCode.TOO_LARGE,
    )


def pairs(words: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Each word as NAME=VALUE."""
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name):
            raise bad_input(f"{option} {word!r} is not NAME=VALUE")
        found.append((name, value))
    return found


def shell_command(words: Sequence[str]) -> str:
    """One word as the line that it is; of several each as one word, for any shell that we type into."""
    return words[0] if len(words) == 1 else " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    # fish reads a backslash within single quotes as an escape: it stands outside of them.
    if word and not _UNQUOTED.search(word):
        return word
    runs = _APART.split(word)
    return "".join(f"\\{run}" if run in {"\\", "'"} else f"'{run}'" for run in runs if run) or "''"


def not_an_option(words: Sequence[str], texts: Sequence[str]) -> None:
    """Refuse a text that looks like a mistyped option, unless `--` says that it is none.

    `-rf x` has a blank and can be no option; `--nwo` is more likely a slip than a message.
    """
    if "--" in words:
        return
    for text in texts:
        if len(text) > 1 and text.startswith("-") and not any(char.isspace() for char in text):
            raise bad_input(
                f"no such option: {text}",
                hint="if it is text to send, put -- before the arguments: ts-ipc send -- FROM TO '-text'",
            )
