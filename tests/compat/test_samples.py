"""What every version ever wrote is read by this one, and an older one would refuse what this one adds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from tests.compat.samples import DATA, daemon_table, facts, read, summary, version
from tests.support.daemon import Daemon
from tests.upkeep.conftest import everything, ts_ipc
from tsipcd.core import facts as f

FACTS = sorted((DATA / "facts").glob("*.txt"))
STATES = sorted((DATA / "state").iterdir())

WRITE_AGAIN = """the facts are not those of the sample. If its version was released, raise NEEDS in
tsipcd/journal/layout.py to the version that comes: older ones must refuse the journal.
Then, or if it was not released yet, write the sample: python -m tests.compat.samples"""


@pytest.mark.parametrize("sample", FACTS, ids=lambda path: path.stem)
def test_every_fact_ever_written_is_read(sample: Path) -> None:
    """With the same kind, and with the fields that it had in their places."""
    for line in sample.read_text().splitlines():
        tag, payload = line.split()
        fact = f.decode(bytes.fromhex(payload))
        assert fact.__struct_config__.tag == tag
        written, again = (msgspec.msgpack.decode(data) for data in (bytes.fromhex(payload), f.encode(fact)))
        assert again[: len(written)] == written


def test_the_facts_of_today_have_a_sample() -> None:
    """Each kind, each field, each word: nothing is added without older versions being told."""
    assert (DATA / "facts" / f"{version()}.txt").read_text() == facts(), WRITE_AGAIN


@pytest.mark.parametrize("sample", STATES, ids=lambda path: path.name)
def test_the_journal_of_every_version_is_read(sample: Path) -> None:
    """Segments and snapshots come to the same messages, runs, keys and counters."""
    state, _ = read(sample / "journal")
    expected = json.loads((sample / "expected.json").read_text())
    del expected["subscriptions"]
    assert json.loads(json.dumps(summary(state))) == expected


@pytest.mark.parametrize("sample", STATES, ids=lambda path: path.name)
def test_the_folder_of_every_version_is_served(sample: Path, daemon: Daemon) -> None:
    """Settings, subscriptions, workflows, views and log: nothing is refused, nothing is lost."""
    daemon.close()
    shutil.rmtree(daemon.directory)
    shutil.copytree(sample, daemon.directory)
    (daemon.directory / "expected.json").unlink()
    assert ts_ipc(daemon.directory, "fsck").status == 0
    log = (sample / "events.log").read_text()
    daemon.start()
    table = daemon.call("subscriptions")["subscriptions"]
    named = [
        (session, row["event"], row["action"])
        for session, rows in daemon_table(sample).items()
        for row in rows
    ]
    assert [(row["session"], row["event"], row["action"]) for row in table] == named
    expected = json.loads((sample / "expected.json").read_text())
    assert {view["id"] for view in daemon.call("queue", limit=1000)["messages"]} == set(expected["messages"])
    assert (daemon.directory / "events.log").read_text().startswith(log)
    said = ts_ipc(daemon.directory, "doctor", "--json").document
    assert [one for one in said["checks"] if one["check"] == "edited files" and one["verdict"] != "ok"] == []


@pytest.mark.parametrize("name", ["config.toml", "workflows/w.json", "subscriptions.json"])
def test_files_of_a_newer_version_are_refused_in_words(daemon: Daemon, name: str) -> None:
    """A key or a version that is not known: told with its place, and the file stays as it is."""
    texts = {
        "config.toml": "[delivery]\nparallel = 4\n",
        "workflows/w.json": '{"version": 3, "steps": [{"session": "s", "command": "c"}]}',
        "subscriptions.json": '{"subscriptions": {"s": [{"event": "e", "action": "speak"}]}}',
    }
    path = daemon.directory / name
    if name == "config.toml":
        daemon.close()
    path.write_text(texts[name])
    if name == "config.toml":
        before = everything(daemon.directory / "journal")
        daemon.log.write_text("")
        with pytest.raises(AssertionError, match="exited with 1"):
            daemon.start()
        said = daemon.log.read_text()
        assert "delivery.parallel" in said
        assert "Traceback" not in said
        assert everything(daemon.directory / "journal") == before
    else:
        command = ["run", "w"] if name.startswith("work") else ["subscribe", "a", "e"]
        answer = ts_ipc(daemon.directory, *command)
        assert answer.status == 7
        assert "upgrade ts-ipc" in answer.err if name.startswith("work") else "speak" in answer.err
    assert path.read_text() == texts[name]
