"""Words into values."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tsipc_client.cli import arguments
from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipc_client.wire.messages import MAX_BODY_BYTES, MessageType, Step


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """What the process reads from stdin; write to it, then seek to its start."""
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
    return buffer


def put(stdin: io.BytesIO, content: bytes) -> None:
    stdin.write(content)
    stdin.seek(0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), ("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86_400)]
)
def test_duration(text: str, seconds: float) -> None:
    """Seconds, or a number and a unit."""
    assert arguments.duration_s(text, "--ttl") == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "0", "-5", "5x", "1e3", "nan", "inf", "1.2.3", "٣", "10 m", ".", "1.", ".5", "0.0m"]
)
def test_what_is_no_duration(text: str) -> None:
    """Is refused with the form to use; nothing is guessed."""
    with pytest.raises(BadInput) as caught:
        arguments.duration_s(text, "--ttl")
    assert "--ttl" in caught.value.message
    assert "10m" in caught.value.hint


def test_steps_are_split_at_the_first_colon() -> None:
    """Commands may hold more of them."""
    assert arguments.steps(["a:curl http://x:80", "세션: echo hi"]) == (
        Step(session="a", command="curl http://x:80"),
        Step(session="세션", command=" echo hi"),
    )


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("npm test", "has no colon"),
        (":npm test", "names no session"),
        ("a:", "has no command"),
        ("a: ", "no command"),
    ],
)
def test_a_wrong_step_is_named(word: str, problem: str) -> None:
    """By its number, with the form it should have."""
    with pytest.raises(BadInput) as caught:
        arguments.steps(["a:b", word])
    assert caught.value.message.startswith("step 2 ")
    assert problem in caught.value.message
    assert "SESSION:COMMAND" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (MessageType.COMMAND, "echo hi\n"),
        (MessageType.NOTIFICATION, "echo hi\n"),
        (MessageType.DATA, "echo hi\n\n"),
    ],
)
def test_a_dash_reads_stdin(stdin: io.BytesIO, kind: MessageType, body: str) -> None:
    """Data byte for byte; the rest without the line end of `echo`."""
    put(stdin, b"echo hi\n\n")
    assert arguments.message_body("-", kind) == body


def test_stdin_is_read_whole(stdin: io.BytesIO) -> None:
    """Up to the limit, in any script."""
    text = "세션\n" * 1000 + "end"
    put(stdin, text.encode())
    assert arguments.event_data("-") == text


def test_stdin_that_is_not_utf8_is_refused(stdin: io.BytesIO) -> None:
    """With the place of the first wrong byte."""
    put(stdin, b"abc\xff")
    with pytest.raises(BadInput, match="byte 4"):
        arguments.message_body("-", MessageType.DATA)


@pytest.mark.parametrize("word", ["-", "x" * (MAX_BODY_BYTES + 1), "é" * (MAX_BODY_BYTES // 2 + 1)])
def test_a_body_over_the_limit_is_refused_here(stdin: io.BytesIO, word: str) -> None:
    """Before anything is sent; the limit counts bytes."""
    put(stdin, b"x" * (MAX_BODY_BYTES + 1))
    with pytest.raises(BadInput) as caught:
        arguments.message_body(word, MessageType.DATA)
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_a_body_at_the_limit_is_taken(stdin: io.BytesIO) -> None:
    """From stdin and as a word."""
    text = "x" * MAX_BODY_BYTES
    put(stdin, text.encode())
    assert arguments.message_body("-", MessageType.DATA) == text
    assert arguments.message_body(text, MessageType.DATA) == text


def test_words_are_utf8_in_every_locale() -> None:
    """A word with other bytes is named."""
    assert arguments.utf8_words(["세션", "a b"]) == ["세션", "a b"]
    with pytest.raises(BadInput, match="argument 2"):
        arguments.utf8_words(["send", "\udcff"])


def test_a_text_that_looks_like_an_option_needs_two_dashes() -> None:
    """A slip must not be sent as a command; with a blank in it, it is no slip."""
    with pytest.raises(BadInput, match="--nwo"):
        arguments.not_an_option(["send", "a", "b", "--nwo"], ["a", "b", "--nwo"])
    arguments.not_an_option(["send", "a", "b", "-rf x"], ["a", "b", "-rf x"])
    arguments.not_an_option(["send", "--", "a", "b", "-x"], ["a", "b", "-x"])
    arguments.not_an_option(["send", "a", "b", "-"], ["a", "b", "-"])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("15:30", "2026-03-01T15:30:00"),
        ("9:05:07", "2026-03-02T09:05:07"),
        ("2026-12-24 15:30", "2026-12-24T15:30:00"),
        ("2026-12-24T15:30:05+01:00", "2026-12-24T14:30:05"),
        ("2026-12-24", "2026-12-24T00:00:00"),
    ],
)
def test_moment(text: str, at: str) -> None:
    """The next such time of the clock, or the day that is named; it is noon of the 1st of March."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    assert arguments.moment(text, "--at", noon) == datetime.fromisoformat(f"{at}Z").timestamp()


@pytest.mark.parametrize("text", ["", "soon", "25:00", "15:99", "15", "2026-02-30 10:00"])
def test_what_is_no_moment(text: str) -> None:
    """Refused with an example."""
    with pytest.raises(BadInput) as caught:
        arguments.moment(text, "--at", 1e9)
    assert "15:30" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["ls *.py | wc"], "ls *.py | wc"),
        (["ls", "*.py"], "ls '*.py'"),
        (["a", ""], "a ''"),
        (["echo", "it's"], "echo 'it'\\''s'"),
        (["echo", "a\\b"], "echo 'a'\\\\'b'"),
        (["env", "A=1", "/x/y-z"], "env A=1 /x/y-z"),
    ],
)
def test_shell_command(words: list[str], text: str) -> None:
    """One word is a line; of several each stays one word."""
    assert arguments.shell_command(words) == text
