"""A watched run on the short way and on typer's, over a real socket: nobody can tell which one it was."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.cli import samples
from tests.cli.socket_daemon import Reply, SocketDaemon, frame, reply_bytes, result_frame, run_bytes
from tests.cli.test_oneshot import LOST, WAYS, Seen, Way, both, watched
from tsipc_client.cli import deliver, oneshot, watch
from tsipc_client.render import progress
from tsipc_client.wire.errors import BadInput, ErrorCode, WireError
from tsipc_client.wire.messages import RunStatus

SUCCESS = samples.ended(RunStatus.SUCCESS)
ENDED = asdict(SUCCESS)
NEWS = frame([2, "progress", {"request": 1, **asdict(samples.RUN_NEWS[1]), "newer": {"x": [1]}}])

ENDS: dict[str, Reply] = {
    "well": run_bytes(samples.RUN_NEWS, SUCCESS),
    "badly": run_bytes(samples.RUN_NEWS, samples.ended(RunStatus.FAILURE, log="runs/run-3/2.log")),
    "badly, without a log": run_bytes(samples.RUN_NEWS, samples.ended(RunStatus.FAILURE)),
    "cancelled": run_bytes(samples.RUN_NEWS[:6], samples.ended(RunStatus.CANCELLED)),
    "interrupted": run_bytes((), samples.ended(RunStatus.INTERRUPTED)),
    "before it began": BadInput(
        ErrorCode.UNKNOWN_WORKFLOW, "there is no workflow w", hint="see: ts-ipc runs"
    ),
    "in words of an older daemon": BadInput(ErrorCode.BAD_PARAMS, "no", data={"version": "0.1"}),
    "hostile": run_bytes(
        [replace(samples.RUN_NEWS[1], workflow=samples.HOSTILE)], replace(SUCCESS, workflow=samples.HOSTILE)
    ),
    "with news of a newer daemon": NEWS
    + frame([2, "progress", {"request": 1, "what": "a newer daemon says"}])
    + frame([2, "weather", {"request": 1}])
    + result_frame({**ENDED, "newer": [1]}),
    "with news of another request": frame([2, "progress", {"request": 2}]) + NEWS + reply_bytes(SUCCESS),
}


@pytest.fixture
def state(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder in which no command starts a daemon."""
    monkeypatch.setenv("TS_IPC_DIR", str(short_path))
    monkeypatch.setenv("TS_IPC_NO_START", "1")
    log = short_path / "runs/run-3/2.log"
    log.parent.mkdir(parents=True)
    log.write_text("compiled\n\x1b[31mFAIL\x1b[0m test/a.js\n")
    return short_path


@pytest.mark.parametrize("words", ["run w", "run w --json", "run w --timeout 60 --key k"])
@pytest.mark.parametrize("end", ENDS)
def test_a_run_looks_the_same(end: str, words: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, stdout and stderr; and what was asked."""
    short, long = both(words, ENDS[end], state, monkeypatch, terminal=False)
    assert short == long
    assert short.out or short.err
    if "--json" in words:
        assert [json.loads(line) for line in (short.out + short.err).splitlines()]


@pytest.mark.parametrize("end", ENDS)
def test_the_last_picture_is_the_same(end: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it was drawn before."""
    monkeypatch.setattr(watch, "LEAST_GAP_S", 60)
    monkeypatch.setattr("time.time", lambda: samples.NOON + 90)
    short, long = both("run w", ENDS[end], state, monkeypatch, terminal=True)
    pictures = [seen.out.rpartition(b"\x1b[J\r\x1b")[2] for seen in (short, long)]
    assert pictures[0] == pictures[1]
    assert (short.status, short.err) == (long.status, long.err)


def test_it_is_understood_at_once(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value of the protocol is built for it."""

    def asked_again(*_: object, **__: object) -> None:
        raise AssertionError("not answered on the short way")

    monkeypatch.setattr(deliver, "follow", asked_again)
    for end in ("well", "badly", "cancelled", "interrupted", "with news of a newer daemon"):
        with SocketDaemon(state, [ENDS[end]]):
            seen = watched(oneshot.run, ["run", "w"], terminal=True, monkeypatch=monkeypatch)
        assert seen.out
        (state / "ipc.sock").unlink()


@pytest.mark.parametrize("name", LOST)
def test_what_got_lost_goes_on_under_its_key(name: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon then knows the run, and what was told before is not told again."""
    lost = LOST[name]
    begun = run_bytes(samples.RUN_NEWS[:5], SUCCESS).removesuffix(reply_bytes(SUCCESS))
    broken = reply_bytes(lost) if isinstance(lost, WireError) else b""
    again = run_bytes(samples.RUN_NEWS[4:], SUCCESS)
    with SocketDaemon(state, [begun + broken, again]) as daemon:
        seen = watched(oneshot.run, ["run", "w"], terminal=False, monkeypatch=monkeypatch)
    assert seen.status == 0
    assert daemon.asked[0] == daemon.asked[1]
    assert len(daemon.asked[0][1]["key"]) == 32
    assert seen.out.count(b"[1/5] start") == 1


@pytest.mark.parametrize("missing", ["log", "last_line"])
def test_an_older_daemon_is_understood(missing: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that it does not know yet get their defaults, as on typer's way."""
    steps = [{k: v for k, v in step.items() if k != missing} for step in ENDED["steps"]]
    old = result_frame({**ENDED, "steps": steps})
    with SocketDaemon(state, [old]):
        seen = watched(oneshot.run, ["run", "w"], terminal=False, monkeypatch=monkeypatch)
    assert seen == Seen(0, b"run-3 deploy-full: success, 2 of 2 steps done in 14 s\n", b"")


@pytest.mark.parametrize("way", WAYS)
def test_a_time_limit_ends_the_watching(way: Way, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same words, and without asking again."""
    over = threading.Event()
    with SocketDaemon(state, [None], pause=over) as daemon:
        seen = watched(way, ["run", "w", "--timeout", "1"], terminal=False, monkeypatch=monkeypatch)
        over.set()
    assert (seen.status, seen.out) == (4, b"")
    assert b"no answer within 1 s" in seen.err
    assert len(daemon.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_ends_the_watching_only(way: Way, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so, once the run is known."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "plain_lines", interrupted)
    with SocketDaemon(state, [NEWS]):
        seen = watched(way, ["run", "w"], terminal=False, monkeypatch=monkeypatch)
    assert seen.status == 130
    assert os.fsencode("run-3 goes on") in seen.err
