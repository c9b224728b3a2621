"""What is exported, and that Promtail's expression in the docs reads every kind of line."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from tests.support.daemon import ROOT, Daemon
from tsipc_client.cli.export_rows import LOG_LINE
from tsipc_client.client import Client

LOG = (ROOT / "tests/data/state/1.0.0/events.log").read_text().splitlines()


def program(daemon: Daemon, *words: str) -> str:
    environment = {**os.environ, "TS_IPC_DIR": str(daemon.directory)}
    ran = subprocess.run(
        [str(Path(sys.executable).parent / "ts-ipc"), *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


def test_promtails_example_takes_every_line_apart() -> None:
    """Its stages name what the expression finds, which has nothing that Go's expressions lack."""
    page = (ROOT / "docs/operations.md").read_text()
    (example,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", page, re.DOTALL)
    (expression,) = re.findall(r"expression: '(.*)'", example)
    assert expression == LOG_LINE
    assert not re.search(r"\(\?[^:P]|\(\?P[^<]|\\[1-9]", expression)
    assert len(LOG) > 30
    assert all(re.match(expression, line) for line in LOG)
    (source,) = re.findall(r"source: (\w+)", example)
    labels = re.findall(r"(\w+):\n", example.split("- labels:\n")[1])
    assert labels == ["action", "type"]
    assert {source, *labels} <= re.compile(expression).groupindex.keys()


@pytest.mark.parametrize(
    ("line", "has"),
    [
        ("SEND a → b [command] msg-1", {"source": "a", "target": "b", "type": "command", "id": "msg-1"}),
        ("PUBLISH a [e] → b", {"source": "a", "type": "e", "subscriber": "b"}),
        ("PUBLISH a [x]y] → -", {"source": "a", "type": "x]y", "subscriber": "-"}),
        ("HOLD b [command] msg-1 (busy: a [b] → c)", {"id": "msg-1", "detail": "(busy: a [b] → c)"}),
        ("DONE b [command] msg-1 exit 3", {"source": "b", "id": "msg-1", "detail": "exit 3"}),
        ("END deploy run-3 failure", {"source": "deploy", "id": "run-3", "detail": "failure"}),
        ("SUBSCRIBE s [e] notify", {"source": "s", "type": "e", "detail": "notify"}),
        ("UNSUBSCRIBE s [e]", {"source": "s", "type": "e"}),
    ],
)
def test_a_line_is_what_it_says(line: str, has: dict[str, str]) -> None:
    """Each kind of the page about files."""
    parts = re.match(LOG_LINE, f"2025-10-01T05:15:23+00:00 {line}")
    assert parts is not None
    found = {name: text for name, text in parts.groupdict().items() if text}
    expected = {"timestamp": "2025-10-01T05:15:23+00:00", "action": line.split(maxsplit=1)[0], **has}
    assert {name: found.get(name) for name in expected} == expected


def test_events_and_log_come_out_whole(daemon: Daemon) -> None:
    """Both formats read back, whatever is in the texts; a number or a time begins later."""
    texts = ["plain", 'a,"b"\nc', "=1+1", "\x1b[31m세션"]
    with Client(daemon.directory, start=False) as client:
        for text in texts:
            client.publish("me", "e", text)
    rows = [json.loads(line) for line in program(daemon, "export").splitlines()]
    assert [row["data"] for row in rows] == texts
    table = list(csv.DictReader(StringIO(program(daemon, "export", "--format", "csv"))))
    assert [row["data"] for row in table] == texts
    later = program(daemon, "export", "--from", str(rows[2]["seq"])).splitlines()
    assert [json.loads(line)["data"] for line in later] == texts[2:]
    assert len(program(daemon, "export", "--since", "1h").splitlines()) == len(texts)
    log = [json.loads(line) for line in program(daemon, "export", "--log").splitlines()]
    assert [row["action"] for row in log].count("PUBLISH") == len(texts)
    assert program(daemon, "export", "--log", "--format", "csv").startswith("timestamp,action,source,")
