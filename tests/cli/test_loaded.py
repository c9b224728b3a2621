"""What each family of commands loads beside what every Python has: this, and not a module more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import samples
from tests.cli.answers import ANSWERS
from tests.cli.socket_daemon import Reply, SocketDaemon, run_bytes
from tests.support.daemon import ROOT
from tsipc_client.wire.messages import RunStatus

ASKING = {
    "__future__", "_socket", "tsipc_client", "tsipc_client.__main__", "tsipc_client.cli",
    "tsipc_client.cli.brief", "tsipc_client.cli.oneshot", "tsipc_client.cli.plain", "tsipc_client.cli.screen",
    "tsipc_client.cli.shapes",
    "tsipc_client.wire", "tsipc_client.wire.address", "tsipc_client.wire.pack",
}  # fmt: skip
NUMBERS = {"struct", "_struct"}
"""For times."""
LINES = {"render", "render.style", "render.columns", "wire.text"}
LISTING = {*LINES, "render.listing"}
STORY = {*LINES, "render.story", "render.amounts"}
JSON = {"render", "render.json_text"}

FAMILIES: dict[str, set[str]] = {
    "send": set(),
    "publish": set(),
    "run, on its own": NUMBERS,
    "subscribe": set(),
    "unsubscribe": set(),
    "cancel": set(),
    "resolve": set(),
    "workflow": LINES,
    "pipeline": LINES,
    "queue": {*LISTING, *NUMBERS},
    "subscriptions, none": LISTING,
    "events": LISTING,
    "sessions, none": LISTING,
    "show": {*STORY, *NUMBERS},
    "schedule": {*LISTING, "render.amounts", "render.schedules", *NUMBERS},
    "status": {*STORY, *NUMBERS},
}


def loaded_by(state: Path, words: list[str], reply: Reply) -> set[str]:
    """The modules that are there when the process of a command ends, beyond those of a bare Python."""
    code = "import sys; before = {*sys.modules}; from tsipc_client.__main__ import main; status = main(); "
    code += "sys.stderr.write('\\n' + ' '.join({*sys.modules} - before))"
    with SocketDaemon(state, [reply]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
    return set(done.stderr.decode().rpartition("\n")[2].split())


def named(modules: set[str]) -> set[str]:
    return ASKING | {
        f"tsipc_client.{name}" if name.startswith(("render", "wire", "cli")) else name for name in modules
    }


@pytest.fixture
def state(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder in which no command starts a daemon."""
    monkeypatch.setenv("TS_IPC_DIR", str(short_path))
    monkeypatch.setenv("TS_IPC_NO_START", "1")
    return short_path


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_loads_what_shows_it(name: str, state: Path) -> None:
    """No typer, no dataclasses, no enums, no regular expressions."""
    words, answer = ANSWERS[name]
    assert loaded_by(state, words.split(), answer) == named(FAMILIES[name])


@pytest.mark.parametrize("name", FAMILIES)
def test_json_loads_what_writes_it(name: str, state: Path) -> None:
    """The same for programs. `_json` comes for texts with quotes or beyond ASCII."""
    words, answer = ANSWERS[name]
    loaded = loaded_by(state, [*words.split(), "--json"], answer)
    assert loaded - {"_json"} == named(JSON | (FAMILIES[name] & NUMBERS))


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_watched_run_loads_what_shows_it(options: list[str], state: Path) -> None:
    """No typer, no dataclasses, no enums, no regular expressions; a terminal has `threading` beside it."""
    reply = run_bytes(samples.RUN_NEWS, samples.ended(RunStatus.SUCCESS))
    shown = {*LINES, *NUMBERS, "render.progress", "render.amounts", "cli.follow", "cli.watch"}
    assert loaded_by(state, ["run", "w", *options], reply) == named(shown | (JSON if options else set()))


def test_an_error_loads_what_tells_it(state: Path) -> None:
    """A script that sends to a session that is gone waits no longer than one that succeeds."""
    assert loaded_by(state, ["send", "a", "b", "c"], samples.UNKNOWN_SESSION) == named(
        {*LINES, "render.failure"}
    )
