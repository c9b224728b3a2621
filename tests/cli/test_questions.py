"""Asking and answering with everything real: processes, sessions, and a daemon that is killed between."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_exec import SHELLS, Line
from tests.support.daemon import ROOT, Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until

pytestmark = pytest.mark.tmux


@pytest.fixture
def line(daemon: Daemon) -> Iterator[Line]:
    made = Line(daemon)
    yield made
    made.close()


def asked(daemon: Daemon) -> str:
    """The id of the question that is in the inbox of b, once it is there."""
    until(lambda: daemon.call("inbox", session="b")["questions"], what="the question")
    return str(daemon.call("inbox", session="b")["questions"][0]["id"])


def test_ask_prints_what_reply_says(line: Line, daemon: Daemon, tmux: Tmux) -> None:
    """The first answer; the question is in the inbox until then."""
    tmux.session("b")
    asking = line.begin("ask", "b", "Which\nbranch?", "--from", "ci")
    question = asked(daemon)
    assert line("inbox", "b") == (0, f"{question}  ci  Which …\n", "")
    assert line("reply", question, "main\n\x1b[2J")[0] == 0
    assert line.end(asking)[:2] == (0, "main\n\x1b[2J\n")
    assert line("inbox", "b") == (0, "", "")
    assert line("reply", question, "dev")[0] == 7


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_in_the_session_answers(
    line: Line, daemon: Daemon, tmux: Tmux, short_path: Path, shell: str
) -> None:
    """`reply -` is the last question to the session that it runs in."""
    tmux.session("b", SHELLS[shell])
    asking = line.begin("ask", "b", "Which branch?")
    asked(daemon)
    words = f"{sys.executable} -m tsipc_client reply - 'from b'; echo $? >{short_path}/status"
    daemon.call("send", source="t", target="b", message=f"cd {ROOT}; export TS_IPC_DIR={daemon.directory}")
    daemon.call("send", source="t", target="b", message=words)
    assert line.end(asking)[:2] == (0, "from b\n")
    until((short_path / "status").exists, what="the reply's end")


def test_a_daemon_that_dies_loses_neither(line: Line, daemon: Daemon, tmux: Tmux) -> None:
    """Killed with the question open, and once more with the answer given."""
    tmux.session("b")
    status, _, err = line("ask", "b", "Which branch?", "--timeout", "1", "--key", "k")
    assert status == 124
    assert "ts-ipc wait msg-1" in err
    daemon.kill()
    daemon.start()
    assert line("reply", asked(daemon), "main")[0] == 0
    daemon.kill()
    daemon.start()
    assert line("ask", "b", "Which branch?", "--key", "k") == (0, "main\n", "")
    assert line("wait", "msg-1", "--until", "answered") == (0, "main\n", "")


def test_nobody_answers_in_time(line: Line, tmux: Tmux) -> None:
    """Status 1: there will be no answer."""
    tmux.session("b")
    status, out, err = line("ask", "b", "Which branch?", "--ttl", "1")
    assert (status, out) == (1, "")
    assert "msg-1 is expired" in err
