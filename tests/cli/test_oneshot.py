"""The short way and typer's way side by side, over a real socket: nobody can tell which one it was."""

from __future__ import annotations

import json
import os
import pty
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli import samples
from tests.cli.answers import ANSWERS
from tests.cli.socket_daemon import Reply, SocketDaemon, frame, reply_bytes, result_frame
from tsipc_client.cli import app, deliver, lifecycle, oneshot, plain
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused
from tsipc_client.wire.messages import (
    RunStatus,
)

FIELDS = asdict(samples.SENT)
ODD: dict[str, tuple[str, Reply]] = {
    "of a newer daemon": ("send a b c", result_frame({**FIELDS, "more": [1, {"x": None}]})),
    "of an older daemon": (
        "send a b c data",
        result_frame({k: v for k, v in FIELDS.items() if k != "reason"}),
    ),
    "with an unknown status": ("send a b c", result_frame({**FIELDS, "status": "teleported"})),
    "with an unknown action": (
        "subscribe a b",
        result_frame({**asdict(samples.SUBSCRIBED), "action": "sing"}),
    ),
    "without the id": ("send a b c", result_frame({"status": "accepted"})),
    "with a number for a text": ("send a b c", result_frame({**FIELDS, "id": 7})),
    "with a text for a list": ("publish a b", result_frame({"event": "e", "subscribers": "none"})),
    "that is none": ("queue", result_frame(None)),
    "with bytes": ("queue", result_frame({"messages": b"", "waiting": 0})),
    "after that of another request": ("send a b c", frame([1, 5, None, {}]) + reply_bytes(samples.SENT)),
    "that is no MessagePack": ("send a b c", b"\x00\x00\x00\x01\xc1"),
    "that is no frame": ("send a b c", b"HTTP/1.1 400\r\n"),
    "after a notification": ("send a b c", frame([2, "news", {"request": 1}]) + reply_bytes(samples.SENT)),
    "an error": ("send a b c", samples.UNKNOWN_SESSION),
    "a hostile error": ("queue", samples.HOSTILE_ERROR),
    "an error in JSON": ("queue --json", samples.UNKNOWN_SESSION),
    "an error that asks for a look": ("queue", BadInput(ErrorCode.BAD_PARAMS, "no", data={"version": "9.0"})),
    "an error of a newer daemon": ("queue", frame([1, 1, {"code": "too_fancy", "message": "no"}, None])),
    "an error without words": ("queue", frame([1, 1, {"code": "busy"}, None])),
    "of a newer daemon, in JSON": ("send a b c --json", result_frame({**FIELDS, "more": [1, {"x": None}]})),
    "of an older daemon, in JSON": (
        "send a b c --json",
        result_frame({k: v for k, v in FIELDS.items() if k != "reason"}),
    ),
    "of a run that has ended": ("run w --detach", replace(samples.DETACHED, status=RunStatus.FAILURE)),
    "an error for the connection": ("queue", frame([1, None, {"code": "bad_frame", "message": "no"}, None])),
}


@dataclass(frozen=True)
class Seen:
    """All that a caller can see of a command."""

    status: int | None
    out: bytes
    err: bytes


Way = Callable[[Sequence[str]], int | None]
WAYS: tuple[Way, Way] = (oneshot.run, app.run)


@pytest.fixture
def state(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder in which no command starts a daemon."""
    monkeypatch.setenv("TS_IPC_DIR", str(short_path))
    monkeypatch.setenv("TS_IPC_NO_START", "1")
    monkeypatch.setenv("COLUMNS", "70")
    return short_path


@pytest.fixture
def not_twice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The short way must have been enough."""

    def asked_again(*_: object, **__: object) -> None:
        raise AssertionError("not answered on the short way")

    with monkeypatch.context() as patch:
        for module in (deliver, lifecycle):
            patch.setattr(module, "show" if module is deliver else "status", asked_again)
        yield


def watched(way: Way, words: Sequence[str], *, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Run it with stdout and stderr in pipes, or on terminals."""
    streams, readers, taken = [], [], [b"", b""]
    for index in (0, 1):
        ours, theirs = pty.openpty() if terminal else os.pipe()
        streams.append(open(theirs, "w"))  # noqa: PTH123, SIM115 (a descriptor; closed below)
        reader = threading.Thread(target=_read, args=(ours, taken, index))
        reader.start()
        readers.append(reader)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", streams[0])
        patch.setattr(sys, "stderr", streams[1])
        try:
            status = way(words)
        finally:
            for stream in streams:
                stream.close()
    for reader in readers:
        reader.join(20)
    return Seen(status, *taken)


def _read(descriptor: int, taken: list[bytes], index: int) -> None:
    try:
        while chunk := os.read(descriptor, 65536):
            taken[index] += chunk
    except OSError:
        pass  # a terminal that nobody has open any more
    finally:
        os.close(descriptor)


def both(
    words: str, reply: Reply, state: Path, monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> tuple[Seen, Seen]:
    seen = []
    asked: list[tuple[str, dict[str, Any]]] = []
    for way in WAYS:
        with SocketDaemon(state, [reply]) as daemon:
            seen.append(watched(way, words.split(), terminal=terminal, monkeypatch=monkeypatch))
        (state / "ipc.sock").unlink()
        asked += daemon.asked
    keys = [params.pop("key", "") for _, params in asked]
    assert asked[0] == asked[1]
    assert [len(key) for key in keys] in ([0, 0], [32, 32]) or "--key" in words
    assert keys[0] != keys[1] or not keys[0] or "--key" in words
    return seen[0], seen[1]


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_looks_the_same(
    name: str, terminal: bool, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, stdout and stderr; and what was asked."""
    words, answer = ANSWERS[name]
    short, long = both(words, answer, state, monkeypatch, terminal=terminal)
    assert short == long
    assert short.status == 0


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_json_looks_the_same(
    name: str, terminal: bool, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document on stdout, nothing on stderr."""
    words, answer = ANSWERS[name]
    short, long = both(f"{words} --json", answer, state, monkeypatch, terminal=terminal)
    assert short == long
    assert short.status == 0
    assert json.loads(short.out)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.usefixtures("not_twice")
def test_an_answer_is_understood_at_once(name: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value of the protocol is built for it."""
    words, answer = ANSWERS[name]
    for options in ("", " --json"):
        with SocketDaemon(state, [answer]):
            asked = (words + options).split()
            assert watched(oneshot.run, asked, terminal=True, monkeypatch=monkeypatch).status == 0
        (state / "ipc.sock").unlink()


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "terminal"])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_looks_the_same(
    name: str, terminal: bool, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not understood at once is understood, or refused, as by typer's way."""
    words, answer = ODD[name]
    short, long = both(words, answer, state, monkeypatch, terminal=terminal)
    assert short == long


def test_no_daemon_is_told_the_same_way(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing, a dead socket, and no folder at all."""
    for command in (["queue"], ["daemon", "status"]):
        short, long = (watched(way, command, terminal=False, monkeypatch=monkeypatch) for way in WAYS)
        assert short == long
        assert short.status == 69
    with SocketDaemon(state, []):
        pass
    short, long = (watched(way, ["queue"], terminal=False, monkeypatch=monkeypatch) for way in WAYS)
    assert short == long
    assert short.status == 69


def test_a_long_path_is_reached(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than what the kernel takes for an address."""
    folder = state / ("x" * 120)
    folder.mkdir()
    monkeypatch.setenv("TS_IPC_DIR", str(folder))
    with SocketDaemon(folder, [samples.SENT]):
        seen = watched(oneshot.run, ["send", "a", "b", "c"], terminal=False, monkeypatch=monkeypatch)
    assert seen == Seen(0, b"msg-123\n", b"")


# ── what was sent is not sent again, but under its key ────────────────────────────────────────────────────


LOST: dict[str, Reply] = {
    "the connection broke": None,
    "half an answer": reply_bytes(samples.SENT)[:-3],
    "the daemon is stopping": Refused(ErrorCode.STOPPING, "stopping"),
    "the outcome is not known": Broken(ErrorCode.UNKNOWN_OUTCOME, "the disk failed"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_got_lost_is_asked_again_with_its_key(
    name: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon then knows it, and does it once."""
    with SocketDaemon(state, [LOST[name], samples.SENT]) as daemon:
        seen = watched(oneshot.run, ["send", "a", "b", "c"], terminal=False, monkeypatch=monkeypatch)
    assert seen == Seen(0, b"msg-123\n", b"")
    assert daemon.asked[0] == daemon.asked[1]
    assert len(daemon.asked[0][1]["key"]) == 32


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_done_twice_is_asked_once(
    name: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome is an error, as on typer's way."""
    short, long = both("cancel msg-1", LOST[name], state, monkeypatch, terminal=False)
    assert short == long
    assert short.status in (7, 8)


def test_a_time_limit_is_kept(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of the command line, and it is named."""
    monkeypatch.setattr(plain, "_seconds", lambda _: 0.05)
    over = threading.Event()
    words = ["send", "a", "b", "c", "--timeout", "1"]
    with SocketDaemon(state, [None], pause=over):
        seen = watched(oneshot.run, words, terminal=False, monkeypatch=monkeypatch)
        over.set()
    assert (seen.status, seen.out) == (4, b"")
    assert b"no answer within 0.05 s" in seen.err


def test_a_silent_daemon_is_given_up(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the status and the words of any other command, and without asking again."""
    monkeypatch.setattr(oneshot, "TIMEOUT_S", 0.05)
    over = threading.Event()
    with SocketDaemon(state, [None], pause=over) as daemon:
        seen = watched(oneshot.run, ["send", "a", "b", "c"], terminal=False, monkeypatch=monkeypatch)
        over.set()
    assert (seen.status, seen.out) == (4, b"")
    assert b"no answer within 30 s" in seen.err
    assert len(daemon.asked) == 1


def test_ctrl_c_ends_it(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere: 130, without a word."""

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(oneshot, "_received", interrupted)
    with SocketDaemon(state, [None]):
        seen = watched(oneshot.run, ["queue"], terminal=False, monkeypatch=monkeypatch)
    assert seen == Seen(130, b"", b"")
