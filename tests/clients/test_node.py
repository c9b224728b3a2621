"""The protocol as somebody speaks it who has only read its page: a client in Node, and the examples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tests.wire.golden import encoded

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "docs/examples"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def node(script: str, *arguments: str, given: object) -> Any:
    """What a script of this folder prints, from JSON."""
    done = subprocess.run(
        ["node", HERE / script, *arguments],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(daemon: Daemon, *calls: tuple[str, Mapping[str, object]]) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = node("call.mjs", str(daemon.socket_path), given=calls)
    return outcomes


@needs_node
def test_another_codec_reads_the_golden_bytes() -> None:
    """What the bytes say in MessagePack is what the lines say in JSON."""
    parts = [part for _, golden in encoded() for part in golden.values()]
    values = node("unpack.mjs", given=[part["msgpack"][8:] for part in parts])
    for value, part in zip(values, parts, strict=True):
        line = json.loads(part["json"])
        if value[0] == 0:
            assert value == [0, line["id"], line["method"], line["params"]]
        elif value[0] == 2:
            assert value == [2, line["method"], line["params"]]
        elif value[2] is None:
            assert value == [1, line["id"], None, line["result"]]
        else:
            error = line["error"]
            assert value == [1, line["id"], {"message": error["message"], **error["data"]}, None]


@needs_node
def test_a_foreign_client_does_the_main_jobs(daemon: Daemon, tmux: Tmux) -> None:
    """Hello, send, subscribe, publish, workflow, run with its stream, and the errors."""
    tmux.session("node-target")
    (hello,) = call(daemon, ("hello", {"client": "node-test/1"}))
    assert hello["result"]["wire_version"] == 1
    assert "send" in hello["result"]["methods"]
    steps = [{"session": "node-target", "command": "echo from node"}]
    outcomes = call(
        daemon,
        ("send", {"source": "a", "target": "node-target", "message": "echo sent by node"}),
        ("subscribe", {"session": "node-target", "event": "built", "action": "command"}),
        ("workflow", {"name": "w", "steps": steps}),
        ("send", {"source": "a", "target": "no-such-session", "message": "x"}),
        ("sned", {}),
    )
    sent, subscribed, saved, unknown, slip = outcomes
    assert sent["result"]["id"].startswith("msg-")
    assert subscribed["result"]["changed"] is True
    assert saved["result"]["steps"] == steps
    assert (unknown["error"]["code"], slip["error"]["code"]) == ("unknown_session", "unknown_method")
    assert "send" in slip["error"]["hint"]
    published, ran = call(
        daemon,
        ("publish", {"source": "a", "event": "built", "data": "echo built by node"}),
        ("run", {"name": "w", "key": "once"}),
    )
    assert [row["session"] for row in published["result"]["subscribers"]] == ["node-target"]
    assert ran["result"]["status"] == "success"
    assert {item["run"] for item in ran["progress"]} == {ran["result"]["run"]}
    (again,) = call(daemon, ("run", {"name": "w", "key": "once"}))
    assert again["result"]["run"] == ran["result"]["run"]
    words = {"sent by node", "built by node", "from node"}
    until(lambda: all(word in tmux.screen("node-target") for word in words), what="all three ran")


@needs_node
def test_a_thousand_requests_at_once(daemon: Daemon) -> None:
    """Pipelined on one connection, each answer finds its request."""
    wanted = [{"session": f"s{index}", "event": "e"} for index in range(1000)]
    outcomes = call(daemon, *(("unsubscribe", params) for params in wanted))
    assert [outcome["result"]["session"] for outcome in outcomes] == [row["session"] for row in wanted]


@pytest.mark.parametrize(
    ("program", "needs"),
    [
        (("bash", "send.sh"), ("socat", "jq")),
        (("node", "send.mjs"), ("node",)),
        ((sys.executable, "send.py"), ()),
    ],
    ids=["send.sh", "send.mjs", "send.py"],
)
def test_the_examples_send(
    daemon: Daemon, tmux: Tmux, program: tuple[str, str], needs: tuple[str, ...]
) -> None:
    """Each says what became of its message; an error is on stderr, with what to do next."""
    for name in needs:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    tmux.session("claude-man")
    runner, script = program
    environment = {**os.environ, "TS_IPC_DIR": str(daemon.directory), "PYTHONPATH": str(HERE.parents[1])}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [runner, EXAMPLES / script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    done = run("me", "claude-man", "echo 'an example' \"$((6 * 7))\"")
    assert done.stdout.startswith("msg-"), done.stderr
    assert done.stdout.rstrip().endswith("-> claude-man")
    until(lambda: "an example 42" in tmux.screen("claude-man"), what="it ran")
    failed = run("me", "claude-mna", "x", "data")
    assert failed.returncode == 1
    assert "claude-man" in failed.stderr
