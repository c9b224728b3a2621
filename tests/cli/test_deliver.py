"""From an order to an exit status, against a daemon that says what the test wants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import samples
from tests.cli.conftest import CommandLine
from tsipc_client.cli import app, deliver, screen
from tsipc_client.wire.errors import ErrorCode, error_from
from tsipc_client.wire.messages import Queued, RunStatus, Sent

STATUS_OF_CODE = {
    ErrorCode.BAD_FRAME: 2,
    ErrorCode.TOO_LARGE: 2,
    ErrorCode.UNKNOWN_METHOD: 2,
    ErrorCode.BAD_PARAMS: 2,
    ErrorCode.UNKNOWN_SESSION: 6,
    ErrorCode.AMBIGUOUS_SESSION: 6,
    ErrorCode.UNKNOWN_ID: 2,
    ErrorCode.UNKNOWN_WORKFLOW: 2,
    ErrorCode.BAD_FILE: 7,
    ErrorCode.KEY_REUSED: 7,
    ErrorCode.NOT_ALLOWED: 7,
    ErrorCode.PAUSED: 7,
    ErrorCode.QUEUE_FULL: 7,
    ErrorCode.BUSY: 7,
    ErrorCode.STORAGE_FULL: 7,
    ErrorCode.STOPPING: 7,
    ErrorCode.UNKNOWN_OUTCOME: 8,
    ErrorCode.INTERNAL: 8,
    ErrorCode.UNREACHABLE: 69,
    ErrorCode.TIMED_OUT: 4,
}


def test_send_prints_the_id_alone(ts_ipc: CommandLine) -> None:
    """A script gets the id and no chatter."""
    outcome = ts_ipc("send", "claude-blacklist", "claude-manager", "docker ps", answer=samples.SENT)
    assert (outcome.status, outcome.out, outcome.err) == (0, "msg-123\n", "")


def test_send_says_that_a_message_is_held(ts_ipc: CommandLine) -> None:
    """Even to a script: it has not run."""
    outcome = ts_ipc("send", "a", "claude-manager", "docker ps", answer=samples.SENT_HELD)
    assert (outcome.status, outcome.out) == (0, "msg-124\n")
    assert outcome.err == "held: a → claude-manager [command]: no session named claude-manager\n"


def test_publish_prints_an_id_per_subscriber(ts_ipc: CommandLine) -> None:
    """One a line."""
    outcome = ts_ipc("publish", "a", "deployment", "v1", answer=samples.PUBLISHED)
    assert (outcome.status, outcome.out, outcome.err) == (0, "msg-125\nmsg-126\n", "")


def test_publish_to_nobody_says_so(ts_ipc: CommandLine) -> None:
    """It is no error, and not what anybody expects."""
    outcome = ts_ipc("publish", "a", "deployment", "v1", answer=samples.PUBLISHED_TO_NOBODY)
    assert (outcome.status, outcome.out) == (0, "")
    assert "nobody is subscribed to deployment" in outcome.err
    assert "ts-ipc subscribe" in outcome.err


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_has_its_exit_status(ts_ipc: CommandLine, code: ErrorCode) -> None:
    """The sentence and the hint on stderr, nothing on stdout."""
    outcome = ts_ipc("queue", answer=error_from(code, "it went wrong", hint="do this"))
    assert outcome.status == STATUS_OF_CODE[code]
    assert (outcome.out, outcome.err) == ("", "ts-ipc: it went wrong\n  do this\n")


def test_an_error_as_json(ts_ipc: CommandLine) -> None:
    """One object on stderr; the exit status is the same."""
    outcome = ts_ipc("send", "a", "b", "c", "--json", answer=samples.UNKNOWN_SESSION)
    assert (outcome.status, outcome.out) == (6, "")
    assert json.loads(outcome.err)["data"] == {"nearest": ["claude-manager"]}


def test_a_usage_error_as_json(ts_ipc: CommandLine) -> None:
    """What the command line itself refuses looks the same, and asks no daemon."""
    outcome = ts_ipc("send", "a", "--json", answer=samples.SENT)
    assert (outcome.status, outcome.out, outcome.daemon.asked) == (2, "", [])
    assert json.loads(outcome.err)["code"] == "bad_params"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("send a b c", samples.SENT),
        ("subscribe a b", samples.SUBSCRIBED),
        ("unsubscribe a b", samples.UNSUBSCRIBED),
        ("publish a b", samples.PUBLISHED),
        ("workflow a b:c", samples.SAVED),
        ("run a --detach", samples.DETACHED),
        ("pipeline a b", samples.PIPELINE_SAVED),
        ("queue", samples.QUEUE),
        ("show msg-1", samples.SHOWN),
        ("cancel msg-1", samples.CANCELLED),
        ("resolve msg-130 --redeliver", samples.RESOLVED),
        ("subscriptions", samples.SUBSCRIPTIONS),
        ("events", samples.EVENTS_OF_V1),
        ("sessions", samples.SESSIONS),
        ("daemon status", samples.STATUS),
    ],
)
def test_every_command_prints_json(ts_ipc: CommandLine, words: str, answer: Sent) -> None:
    """One document on one line of stdout, nothing on stderr."""
    outcome = ts_ipc(*words.split(), "--json", answer=answer)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.count("\n") == 1
    assert set(json.loads(outcome.out)) == set(answer.__dataclass_fields__)


def test_the_status_command_starts_no_daemon(ts_ipc: CommandLine) -> None:
    """Asking would change the answer."""
    assert ts_ipc("daemon", "status", answer=samples.STATUS).daemon.start is False
    assert ts_ipc("queue", answer=samples.QUEUE).daemon.start is True


def test_no_running_daemon_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 69 and the command that starts it."""
    monkeypatch.setenv("TS_IPC_DIR", str(tmp_path))
    assert app.run(["daemon", "status"]) == 69
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (
        "",
        f"ts-ipc: no daemon runs in {tmp_path}\n  start it: ts-ipc daemon start\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_is_130(ts_ipc: CommandLine) -> None:
    """As shells have it, without a traceback."""
    outcome = ts_ipc("queue", answer=KeyboardInterrupt())
    assert (outcome.status, outcome.out, outcome.err) == (130, "", "")


def test_a_defect_of_ours_is_no_failed_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Python's own status would be 1, which means that a workflow failed."""

    def explode(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(deliver, "connect", explode)
    assert app.run(["queue"]) == 8
    assert "defect" in caplog.text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCESS, 0),
        (RunStatus.FAILURE, 1),
        (RunStatus.CANCELLED, 3),
        (RunStatus.INTERRUPTED, 5),
        (RunStatus.RUNNING, 0),
    ],
)
def test_a_run_exits_with_its_outcome(ts_ipc: CommandLine, status: RunStatus, code: int) -> None:
    """So that `ts-ipc run x && ...` does what it says."""
    assert ts_ipc("run", "deploy-full", answer=samples.ended(status)).status == code


def test_a_reader_that_goes_away_ends_it_in_silence(
    ts_ipc: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ts-ipc queue | head -1` prints one line and no traceback."""

    def gone(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(screen, "put", gone)
    monkeypatch.setattr(screen, "silence", lambda: None)
    outcome = ts_ipc("queue", answer=Queued(messages=(), waiting=0))
    assert (outcome.status, outcome.err) == (141, "")
