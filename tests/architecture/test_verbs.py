"""One verb, one name: in the messages, the command line and the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.conftest import ROOT
from tsipc_client.cli.app import COMMANDS, DAEMON_COMMANDS, LOCAL_COMMANDS
from tsipc_client.wire.messages import REQUESTS, RESULTS, DaemonStatus, Hello, Stop

METHODS = {request.METHOD: request for request in REQUESTS}
OF_THE_DAEMON = {DaemonStatus.METHOD, Stop.METHOD}
"""Requests that people make through `ts-ipc daemon`."""

PROTOCOL = ROOT / "docs/protocol.md"
PAGES = ROOT / "docs/commands"
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_every_request_is_a_command_of_its_name() -> None:
    """What the socket offers, the command line offers too, by the same word; `hello` is for programs."""
    commands = {name for name, _, _ in COMMANDS}
    assert METHODS.keys() - OF_THE_DAEMON - {Hello.METHOD} == commands - LOCAL_COMMANDS
    assert commands >= LOCAL_COMMANDS
    assert {name for name, _ in DAEMON_COMMANDS} >= OF_THE_DAEMON


def test_every_request_has_an_answer() -> None:
    """The table of results is complete."""
    assert RESULTS.keys() == set(REQUESTS)


def test_a_command_is_the_function_of_its_name() -> None:
    """Reading the command line, one finds the code by the same word."""
    functions = {name: command for name, command, _ in COMMANDS} | dict(DAEMON_COMMANDS)
    assert [name for name, command in functions.items() if command.__name__ != name.replace("-", "_")] == []


@pytest.mark.parametrize("method", METHODS)
def test_every_request_is_in_the_protocol(method: str) -> None:
    """docs/protocol.md has a heading for it."""
    headings = [line for line in PROTOCOL.read_text().splitlines() if line.startswith("#")]
    assert [line for line in headings if f"`{method}`" in line or line.split()[-1] == method], method


@pytest.mark.parametrize(
    "name", [name for name, _, _ in COMMANDS] + [f"daemon {name}" for name, _ in DAEMON_COMMANDS]
)
def test_every_command_has_a_page_with_an_example(name: str) -> None:
    """Some page under docs/commands shows it in use."""
    assert [page for page in PAGES.glob("*.md") if f"ts-ipc {name}" in page.read_text()], name


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """No page links to a file that is not there."""
    links = LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
