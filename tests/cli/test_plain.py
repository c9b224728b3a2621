"""Usual command lines: whatever is read without typer is what typer reads."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tsipc_client.cli import app, oneshot, onward, plain
from tsipc_client.cli.orders import Ask, Do
from tsipc_client.wire.connection import Connection
from tsipc_client.wire.messages import MAX_BODY_BYTES, Action, Decision, MessageType, Rerun, Run

SHORT = {short: name for name, _, short in app.COMMANDS if short}
NAMES = [name for name, _, _ in app.COMMANDS]
COMMANDS = st.sampled_from([*NAMES, *SHORT, "daemon", "quue", "Send", "help"])
OPTIONS = ["--json", "--timeout", "--key", "--ttl", "--now", "--raw", "--secret", "--pending", "--limit"]
OPTIONS += ["--detach", *(f"--{decision}" for decision in Decision)]
ARGUMENTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="-:ah \n\udc80é세", max_size=6),
    st.sampled_from([*MessageType, *Action, "COMMAND", "a:b", "a:", ":b", "a: b:c", "", " "]),
    st.sampled_from(["0", "1", "20", "007", "+5", " 5", "1_0", "٣", "100000", "100001", "9" * 5000]),
    st.sampled_from(["-", "--", "-h", "--help", "--json", "--now", "-x", "-rf x", "status", "x" * 100_001]),
    st.sampled_from([*OPTIONS, "10m", "1.5", "0", "1d", "--ttl=10m", "--jso", "-5", "1000000", "1000001s"]),
)
LINES = st.lists(ARGUMENTS, max_size=5).flatmap(
    lambda arguments: COMMANDS.map(lambda command: [command, *arguments])
)

NEVER_PLAIN = app.LOCAL_COMMANDS | {"wait", "listen", "validate", "graph", "workflows", "rm", "watch"}
"""They make no request, wait in any case, or read a file."""

PLAIN = {
    "send a b c",
    "send a b c command",
    "send a b c notification",
    "send a b c data",
    "subscribe a b",
    "subscribe a b notify",
    "sub a b data",
    "unsubscribe a b",
    "unsub a b",
    "publish a b",
    "pub a b c",
    "workflow w a:b c:d:e",
    "wf w a:b",
    "run w",
    "pipeline a b",
    "queue",
    "q",
    "show msg-1",
    "cancel msg-1",
    "retry msg-1",
    "reply msg-1 yes",
    "inbox",
    "inbox a --json",
    "purge",
    "purge 1 --json",
    "queue --dead --limit 3",
    "subscriptions",
    "subs",
    "events",
    "events 20",
    "log 50",
    "runs",
    "runs --limit 3",
    "schedule",
    "sessions",
    "send a b c --now --ttl 10m --key k",
    "send --raw a b c data --secret --json --timeout 5",
    "publish a b c --key k",
    "run w --detach",
    "run w --timeout 2h",
    "queue --pending --limit 50",
    "queue --json",
    "resolve msg-1 --redeliver",
    "resolve --drop 1 --json",
    "pause run-3",
    "resume 3",
    "approve run-3",
    "approve run-3 ok",
    "reject run-3 ok --json",
    "rerun run-3 --failed --detach",
    "rerun run-3 --from deploy --key k",
    "run w --from deploy --detach",
    "explain run-3 deploy",
}


@settings(max_examples=600, deadline=None)
@given(LINES)
@example(["send", "", "", ""])
@example(["publish", "a", "b", ""])
@example(["events", "020"])
@example(["events", "9" * 5000])
@example(["workflow", "w", " : "])
@example(["send", "a", "b", "c", "--ttl", "0"])
@example(["send", "a", "b", "--key", "k", "--key", "l", "c"])
@example(["send", "a", "b", "c", "--timeout", "9" * 400])
@example(["queue", "--limit", "20", "--limit", "30"])
@example(["run", "w", "--detach", "--timeout", "1m"])
@example(["resolve", "1", "--drop", "--redeliver"])
@example(["resolve", "1"])
@example(["purge", ""])
@example(["inbox", "."])
@example(["unsubscribe", ".", ""])
def test_what_is_read_is_what_typer_reads(words: list[str]) -> None:
    """The same request and options; where typer finds an error or help, nothing is read."""
    question = plain.read(words)
    if question is None:
        return
    order = app.parse(words)
    if question.method == "status":
        assert isinstance(order, Do)
        assert order.options == onward.options_of(question)
        return
    assert isinstance(order, Ask)
    assert onward.request_of(question) == order.request
    assert order.options == onward.options_of(question)
    # Defaults are left out, so that the bytes are the same as well.
    ours, theirs = socket.socketpair()
    with ours, theirs:
        oneshot.ask(ours, question, "")
        asked = theirs.recv(1 << 20)
    assert asked == Connection().request(order.request)[1]


@pytest.mark.parametrize("line", [*sorted(PLAIN), "daemon status"])
def test_what_scripts_write_is_plain(line: str) -> None:
    """Every command and short name, with and without the arguments that have defaults."""
    question = plain.read(line.split())
    assert question is not None
    request = onward.request_of(question)
    assert question.is_streamed == (isinstance(request, Run | Rerun) and request.follow)
    assert question.needs_key == (getattr(request, "key", None) == "")


def test_every_command_has_a_plain_form() -> None:
    """A new one must not be slow by oversight."""
    assert {words.split()[0] for words in PLAIN} == {*NAMES, *SHORT} - NEVER_PLAIN


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--version"],
        ["send", "a", "b", "-"],
        ["send", "a", "b", "--", "c"],
        ["send", "a", "b", "c", "--no"],
        ["send", "a", "b", "c", "--ttl"],
        ["send", "a", "b", "c", "--ttl", "1.5"],
        ["send", "a", "b", "c", "--key", "-x"],
        ["resolve", "msg-1"],
        ["status"],
        ["status", "x"],
        ["send", "a", "b", "x" * plain.MOST_BYTES],
        ["send", "a", "b", "\udcff"],
        ["queue", "--json=1"],
        ["events", "0"],
        ["workflow", "w"],
        ["workflow"],
        ["daemon", "stop"],
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    """Options, stdin, other bytes, too much, too little."""
    assert plain.read(words) is None


def test_a_shell_that_completes_is_left_to_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not send the words it is to complete."""
    monkeypatch.setitem(os.environ, "_TS_IPC_COMPLETE", "complete_bash")
    assert plain.read(["send", "a", "b", "c"]) is None


def test_the_words_are_those_of_the_protocol() -> None:
    """The tables here stand for enums, the first word for the default."""
    assert set(plain.TYPES) == set(MessageType)
    assert plain.TYPES[0] == MessageType.COMMAND
    assert set(plain.ACTIONS) == set(Action)
    assert plain.ACTIONS[0] == Action.NOTIFY
    assert set(plain.DECISIONS) == set(Decision)
    assert plain.MOST_BYTES < MAX_BODY_BYTES
