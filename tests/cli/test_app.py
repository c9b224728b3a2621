"""From words to orders: every command, its defaults, its short name, its help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsipc_client.cli import app
from tsipc_client.cli.orders import Ask, Do, Options
from tsipc_client.wire.errors import BadInput
from tsipc_client.wire.messages import (
    Action,
    Cancel,
    Decision,
    Events,
    Graph,
    MessageType,
    Pipeline,
    Publish,
    Queue,
    Request,
    Resolve,
    Rm,
    Run,
    Runs,
    Schedule,
    Send,
    Sessions,
    Show,
    Step,
    Subscribe,
    Subscriptions,
    Unsubscribe,
    Validate,
    Workflow,
    Workflows,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMANDS = [name for name, _, _ in app.COMMANDS]
DAEMON_COMMANDS = [f"daemon {name}" for name, _ in app.DAEMON_COMMANDS]
SHORT_NAMES = {short: name for name, _, short in app.COMMANDS if short}

REQUESTS: dict[str, Request] = {
    "send from to msg": Send(source="from", target="to", message="msg", type=MessageType.COMMAND),
    "send from to msg data": Send(source="from", target="to", message="msg", type=MessageType.DATA),
    "send from to msg notification --ttl 10m --now --raw --key k": Send(
        source="from",
        target="to",
        message="msg",
        type=MessageType.NOTIFICATION,
        ttl_s=600,
        now=True,
        raw=True,
        key="k",
    ),
    "send from to msg --secret": Send(source="from", target="to", message="msg", secret=True),
    "send -- from to --now": Send(source="from", target="to", message="--now"),
    "subscribe session event": Subscribe(session="session", event="event", action=Action.NOTIFY),
    "subscribe session event command": Subscribe(session="session", event="event", action=Action.COMMAND),
    "unsubscribe session event": Unsubscribe(session="session", event="event"),
    "publish session event": Publish(source="session", event="event", data=""),
    "publish session event data --key k": Publish(source="session", event="event", data="data", key="k"),
    "workflow name a:b c:d": Workflow(
        name="name", steps=(Step(session="a", command="b"), Step(session="c", command="d"))
    ),
    "validate name --strict": Validate(name="name", strict=True),
    "workflows": Workflows(),
    "rm name": Rm(name="name"),
    "graph name": Graph(name="name"),
    "run name": Run(name="name", follow=True),
    "run name --detach --key k": Run(name="name", follow=False, key="k"),
    "pipeline source target": Pipeline(source="source", target="target"),
    "queue": Queue(limit=20, pending=False),
    "queue --pending --limit 3": Queue(limit=3, pending=True),
    "show msg-1": Show(id="msg-1"),
    "cancel run-1": Cancel(id="run-1"),
    "resolve msg-1 --redeliver": Resolve(id="msg-1", decision=Decision.REDELIVER),
    "resolve --drop msg-1": Resolve(id="msg-1", decision=Decision.DROP),
    "resolve msg-1 --delivered": Resolve(id="msg-1", decision=Decision.DELIVERED),
    "subscriptions": Subscriptions(),
    "events": Events(lines=20),
    "events 50": Events(lines=50),
    "runs --limit 5": Runs(limit=5),
    "schedule": Schedule(),
    "sessions": Sessions(),
}


@pytest.mark.parametrize("words", REQUESTS)
def test_words_become_a_request(words: str) -> None:
    """Arguments in the order of version 1, with its defaults."""
    order = app.parse(words.split())
    assert isinstance(order, Ask)
    assert order.request == REQUESTS[words]


@pytest.mark.parametrize("short", SHORT_NAMES)
def test_a_short_name_is_the_same_command(short: str) -> None:
    """With all its arguments, and named in its help."""
    name = SHORT_NAMES[short]
    for words in REQUESTS:
        first, *rest = words.split()
        if first == name:
            assert app.parse([short, *rest]) == app.parse([name, *rest])
    assert sorted(SHORT_NAMES) == ["log", "pub", "q", "sub", "subs", "unsub", "wf"]


@pytest.mark.parametrize("words", [words for words in [*REQUESTS, *DAEMON_COMMANDS] if " -- " not in words])
def test_every_command_takes_the_shared_options(words: str) -> None:
    """--json and --timeout, wherever they stand among the arguments."""
    order = app.parse([*words.split(), "--json", "--timeout", "2m"])
    assert isinstance(order, Ask | Do)
    assert order.options == Options(json=True, timeout_s=120)


def test_only_a_watched_run_waits_without_limit() -> None:
    """Everything else gives up after 30 s."""
    limits = {
        words: order.options.timeout_s
        for words in REQUESTS
        if isinstance(order := app.parse(words.split()), Ask)
    }
    assert {words for words, limit in limits.items() if limit is None} == {"run name"}
    assert set(limits.values()) == {None, 30.0}


@pytest.mark.parametrize("words", [*COMMANDS, *DAEMON_COMMANDS])
def test_every_command_has_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A purpose, an example, and each argument and option explained; -h and --help are the same."""
    assert app.parse([*words.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert app.parse([*words.split(), "-h"]) == 0
    assert capsys.readouterr().out == text
    assert f"Usage: ts-ipc {words}" in text
    assert f"    ts-ipc {words}" in text, "no example"
    assert max(len(line) for line in text.split("\n")) <= 80
    usage = text.split("\n")[0].split()[2 + len(words.split()) :]
    arguments = [word.strip("[]").removesuffix("...") for word in usage if word != "[OPTIONS]"]
    for argument in arguments:
        assert any(line.startswith(f"  {argument}") and line.split()[1:] for line in text.split("\n")), (
            argument
        )


@pytest.mark.parametrize("short", SHORT_NAMES)
def test_the_help_of_a_command_names_its_short_name(short: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Short names are in no list of commands."""
    app.parse([SHORT_NAMES[short], "--help"])
    assert f"Short: ts-ipc {short}." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", [*COMMANDS, *DAEMON_COMMANDS])
def test_every_command_has_its_place_in_the_docs(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One heading, and every option of its own."""
    pages = [page.read_text() for page in sorted((DOCS / "commands").glob("*.md"))]
    sections = [
        section.split("\n## ")[0] for page in pages for section in page.split(f"\n## ts-ipc {words}\n")[1:]
    ]
    assert len(sections) == 1
    app.parse([*words.split(), "--help"])
    options = {
        word.rstrip(",")
        for line in capsys.readouterr().out.split("Options:")[1].split("\n")
        for word in line.split()[:2]
        if word.startswith("--")
    }
    missing = {option for option in options - {"--json", "--timeout", "--help"} if option not in sections[0]}
    assert missing == set()
    short = next((short for short, name in SHORT_NAMES.items() if name == words), "")
    assert f"ts-ipc {short}" in sections[0]


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its whole purpose on one line."""
    assert app.parse(["--help"]) == 0
    text = capsys.readouterr().out
    listed = text.split("\nCommands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in listed.split("\n")] == [*COMMANDS, "daemon"]
    assert "..." not in listed


def test_without_words_it_shows_the_help_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, on stderr: a script that forgot its words must notice."""
    assert app.parse([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Commands:" in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stdout."""
    assert app.parse(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ts-ipc ")


@pytest.mark.parametrize(
    ("words", "problem", "where"),
    [
        ("send a", "'TO'", "ts-ipc send --help"),
        ("send a b c nonsense", "'nonsense'", "ts-ipc send --help"),
        ("quue", "'queue'", "ts-ipc --help"),
        ("queue --limt 3", "--limt", "ts-ipc queue --help"),
        ("events 0", "LINES", "ts-ipc events --help"),
        ("run", "'NAME'", "ts-ipc run --help"),
        ("daemon strat", "'start'", "ts-ipc daemon --help"),
        ("subscribe a b shout", "'shout'", "ts-ipc subscribe --help"),
        ("resolve msg-1", "msg-1", "--redeliver"),
        ("resolve msg-1 --drop --delivered", "msg-1", "ts-ipc show msg-1"),
        ("resolve --drop", "'ID'", "ts-ipc resolve --help"),
    ],
)
def test_a_usage_error_says_what_and_where_to_read(words: str, problem: str, where: str) -> None:
    """The word that is wrong, and the help of the command it was for."""
    with pytest.raises(BadInput) as caught:
        app.parse(words.split())
    assert problem in caught.value.message
    assert where in caught.value.hint


@pytest.mark.parametrize("text", ["-rf x", "--json is a word", "-h is help", "- a list", "-5 degrees"])
def test_a_text_that_starts_with_a_dash_is_text(text: str) -> None:
    """Without any sign, as long as it cannot be an option."""
    order = app.parse(["send", "a", "b", text, "--now"])
    assert isinstance(order, Ask)
    assert order.request == Send(source="a", target="b", message=text, now=True)
    published = app.parse(["publish", "a", "b", text])
    assert isinstance(published, Ask)
    assert published.request == Publish(source="a", event="b", data=text)


def test_a_usage_error_is_one_line() -> None:
    """Also where typer lists the choices over several."""
    with pytest.raises(BadInput) as caught:
        app.parse(["shell-init"])
    assert caught.value.message == "Missing argument 'bash|zsh'. Choose from: bash, zsh"
