"""`ts-ipc pipe`: every line its answer, in order, whatever is in it and whatever happens to the daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.daemon import ROOT, Daemon
from tests.support.wait import until


@pytest.fixture
def daemon(short_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(short_path / "ipc")
    daemon.start()
    daemon.call("subscribe", session="absent", event="any", action="command")
    yield daemon
    daemon.close()


def start(daemon: Daemon, *words: str, stdin: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tsipc_client", "pipe", *words],
        cwd=ROOT,
        env=daemon.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def piped(daemon: Daemon, text: bytes, *words: str) -> tuple[int, list[str], str]:
    """Exit status, answers, stderr."""
    process = start(daemon, *words)
    out, err = process.communicate(text, timeout=60)
    return process.returncode, out.decode().splitlines(), err.decode()


def test_every_request_has_its_answer_in_order(daemon: Daemon) -> None:
    """All kinds, short names, quotes, options; blank lines and comments have none."""
    text = rb"""
send me absent 'echo "$HOME"'
# a comment
ts-ipc send me absent "it's" data --key k

send me absent 'it'\''s' data --key k
subscribe absent other
pub me any 'ls -l'
send -- me absent -x
queue --limit 1
run nothing --detach
cancel msg-1"""
    status, answers, err = piped(daemon, text)
    assert status == 2
    listing = answers.pop(6)
    assert answers[:6] == ["ok msg-1", "ok msg-2", "ok msg-2", "ok", "ok msg-3", "ok msg-4"]
    assert json.loads(listing.removeprefix("ok "))["messages"][0]["id"] == "msg-4"
    assert answers[6].startswith("error unknown_workflow no workflow nothing")
    assert answers[7:] == ["ok"]
    assert "held: me → absent [command]" in err


BAD = {
    "an open quote": (b"send a b 'c", "no closing quotation"),
    "a NUL": (b"send absent b \0", "NUL"),
    "too few words": (b"send a", "Missing"),
    "no command": (b"snd a b c", "snd"),
    "other bytes": (b"send a b \xff", "not UTF-8"),
    "a command that is no request": (b"daemon start", "no request"),
    "help": (b"send --help", "no request"),
    "a run to wait for": (b"run w", "--detach"),
    "stdin": (b"send a b -", "stdin"),
    "an unknown session": (b"send a nobody c", "no session"),
    "too long": (b"send a b " + b"x" * 2_000_000, "more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_told_and_the_others_go_on(name: str, daemon: Daemon) -> None:
    """One line of error with its number, a status that is not 0, and nothing else lost."""
    line, reason = BAD[name]
    good = b"send me absent ls\n"
    status, answers, _ = piped(daemon, good + line + b"\n" + good)
    assert status != 0
    assert [answers[0], answers[2]] == ["ok msg-1", "ok msg-2"]
    assert answers[1].startswith("error ")
    assert reason in answers[1]
    assert "line 2: " in answers[1] or name == "an unknown session"
    assert len(answers) == 3


def test_json_and_nul(daemon: Daemon) -> None:
    """A document for each request; texts may have line ends."""
    status, answers, err = piped(daemon, b"send me absent 'a\nb' data\0nonsense\0", "--json", "-0")
    assert status == 2
    assert json.loads(answers[0])["id"] == "msg-1"
    assert json.loads(answers[1])["code"] == "bad_params"
    assert err == ""
    assert daemon.call("show", id="1")["message"]["message"] == "a\nb"


def test_json_as_on_the_socket(daemon: Daemon) -> None:
    """An object in a line is answered by one, with its id, and so are mistakes in it."""
    params = {"source": "me", "target": "absent", "message": "✓\0", "type": "data"}
    lines = [
        json.dumps({"id": "x", "method": "send", "params": params}),
        "send me absent ls",
        '{"id": 7, "method": "show", "params": {"id": "msg-9"}}',
        '{"id": 8, "method": "sing"}',
        '{"id": 9, "method": "show", "params": []}',
        '{"id": 10, "method": "show", "params": {"id": 5}}',
        '{"id": 11, "method": "show", "params": {"ids": "msg-1"}}',
        '{"id": 12, "method": "stop"}',
        '{"id": 13, "method": "send", "params": {"source": "me", "target": "absent", "message": "\\ud800"}}',
        '{"method": ',
    ]
    status, answers, _ = piped(daemon, "\n".join(lines).encode())
    assert answers.pop(1) == "ok msg-2"
    done, *failed = map(json.loads, answers)
    assert (done["id"], done["result"]["id"]) == ("x", "msg-1")
    assert [one["id"] for one in failed] == [7, 8, 9, 10, 11, 12, 13, None]
    codes = [one["error"]["data"]["code"] for one in failed]
    assert codes[:3] == ["unknown_id", "unknown_method", "unknown_method"]
    assert set(codes[3:]) <= {"bad_params", "bad_frame", "unknown_method"}
    assert "line 4: no method is called 'sing'" in failed[1]["error"]["message"]
    assert status == 2
    assert daemon.call("show", id="1")["message"]["message"] == "✓\0"


def test_a_line_is_answered_before_the_next_one_comes(daemon: Daemon) -> None:
    """As a program needs it that decides by the answer."""
    process = start(daemon)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(1, 4):
        process.stdin.write(b"send me absent ls\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ok msg-%d\n" % number
    process.stdin.write(b"send me absent unfinished")
    out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"ok msg-4\n", 0)


def test_a_reader_that_goes_away_ends_it(daemon: Daemon) -> None:
    """In silence, as any command."""
    with start(daemon) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"subscribe absent more\n" * 10)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


@pytest.mark.parametrize("kills", [0, 3])
def test_a_daemon_that_dies_meanwhile_costs_nothing(daemon: Daemon, tmp_path: Path, kills: int) -> None:
    """Thousands of requests, the daemon killed among them: each is answered, and there once."""
    lines = 6_000
    script = tmp_path / "requests"
    script.write_bytes(b"send me absent ls\n" * lines)
    with script.open("rb") as stdin:
        process = start(daemon, stdin=stdin)
    for kill in range(1, kills + 1):
        until(lambda kill=kill: waiting(daemon) > kill * 1000, what="some are accepted")  # type: ignore[misc]
        os.kill(daemon.call("status")["pid"], signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    answers = out.decode().splitlines()
    assert process.returncode == 0
    assert len(answers) == len(set(answers)) == lines
    assert waiting(daemon) == lines
    if kills:  # the one that serves now was started by the pipe
        daemon.call("stop")


def waiting(daemon: Daemon) -> int:
    """How many messages wait, according to whichever daemon serves; 0 while none does."""
    try:
        return int(daemon.call("status")["waiting"])
    except OSError:
        return 0
