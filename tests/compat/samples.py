"""What today's version writes, for every later one to read: each kind of fact, and a whole state folder.

`python -m tests.compat.samples` writes `tests/data/facts/VERSION.txt` and `tests/data/state/VERSION` anew.
Those of a version that was released are never written again.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from tests.support.daemon import Daemon
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipcd.core import facts as f
from tsipcd.core.state import State
from tsipcd.journal import layout, meaning
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import Layout
from tsipcd.journal.reading import read_journal
from tsipcd.journal.snapshot import write_snapshot

DATA = Path(__file__).resolve().parents[1] / "data"
FIRST = "1.0.0"

CONFIG = """\
[tmux]
socket_dirs = ["~/sockets"]

[delivery]
ttl = "30d"
human_quiet_s = "0s"

[queue]
keep = 500
"""
LAST_S = 366 * 86_400.0


def version() -> str:
    """The version that the samples of today are of: the first that reads what we write."""
    return ".".join(map(str, layout.NEEDS)) if any(layout.NEEDS) else FIRST


def facts() -> str:
    """A line for each kind of fact: its tag, and its bytes with all fields."""
    kinds = sorted(get_args(f.Fact), key=_tag)
    return "".join(f"{_tag(kind)} {f.encode(_value(kind)).hex()}\n" for kind in kinds)


def read(journal: Path) -> tuple[State, int]:
    """The state that the journal comes to, and its last sequence."""
    state = State()
    folder = Folder.existing(journal)
    try:
        reading = read_journal(folder, lambda _sequence, payload: _apply(state, payload))
        return state, reading.last_sequence
    finally:
        folder.close()


def summary(state: State) -> dict[str, Any]:
    """What must be the same whoever reads the journal."""
    return {
        "messages": {m.id: [m.source, m.target, m.type, m.body, m.status] for m in state.messages.values()},
        "runs": {
            run.id: [run.workflow, run.status, len(run.start.definition.steps)] for run in state.runs.values()
        },
        "last": [state.last_message, state.last_run, state.last_attempt],
        "keys": sorted(state.keys),
        "names": sorted(state.names),
    }


def _apply(state: State, payload: bytes) -> None:
    meaning.apply(state, payload)


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def _value(kind: Any) -> Any:
    """Some value of the type, with nothing left at its default."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        return kind(**{name: _value(hints[name]) for name in kind.__struct_fields__})
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        make = cast("Callable[..., Any]", kind)
        return make(**{field.name: _value(hints[field.name]) for field in fields(kind)})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _value(next(argument for argument in arguments if argument is not types.NoneType))
    if origin is tuple:
        return tuple(_value(argument) for argument in arguments if argument is not Ellipsis)
    if origin is list:
        return [_value(argument) for argument in arguments]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    return {int: 7, float: 1.5, str: "text", bytes: b"\1\2", bool: True}[kind]


def make_state(to: Path) -> None:
    """A state folder after two lives of a daemon, with a snapshot of the first, and what to expect of it."""
    with _stage() as (daemon, tmux):
        daemon.directory.mkdir(mode=0o700)
        (daemon.directory / "config.toml").write_text(CONFIG)
        daemon.start()
        _first_life(daemon, tmux)
        daemon.close()
        _take_snapshot(daemon.directory / "journal")
        daemon.start()
        _second_life(daemon)
        daemon.close()
        state, _ = read(daemon.directory / "journal")
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for name in ("config.toml", "subscriptions.json", "events.log", "events.position"):
            shutil.copy(daemon.directory / name, to / name)
        for name in ("workflows", "queue", "journal"):
            shutil.copytree(daemon.directory / name, to / name)
        for path in daemon.directory.glob("*.data"):
            shutil.copy(path, to / path.name)
        _trim(to / "journal")
        expected = {**summary(state), "subscriptions": daemon_table(to)}
        (to / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def daemon_table(folder: Path) -> Any:
    """What the subscription file says."""
    return json.loads((folder / "subscriptions.json").read_text())["subscriptions"]


class _stage:  # noqa: N801 - used as a function
    def __enter__(self) -> tuple[Daemon, Tmux]:
        self._folder = Path(tempfile.mkdtemp(prefix="ti-", dir="/tmp"))
        self._tmux = Tmux(self._folder / "t")
        environment = {"TMUX_TMPDIR": str(self._folder / "t"), "HOME": str(self._folder)}
        self._daemon = Daemon(self._folder / "ipc", environment)
        return self._daemon, self._tmux

    def __exit__(self, *_: object) -> None:
        self._daemon.close()
        self._tmux.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _first_life(daemon: Daemon, tmux: Tmux) -> None:
    tmux.session("claude-blacklist")
    for session, action in (
        ("claude-manager", "notify"),
        ("claude-blacklist", "command"),
        ("backend", "data"),
    ):
        daemon.call("subscribe", session=session, event="deployment", action=action)
    daemon.call("subscribe", session="claude-manager", event="error", action="notify")
    daemon.call("unsubscribe", session="claude-manager", event="error")
    steps = [
        {"session": "claude-blacklist", "command": "true"},
        {"session": "claude-blacklist", "command": "echo ok"},
    ]
    daemon.call("workflow", name="deploy-full", steps=steps)
    assert daemon.call("run", name="deploy-full")["status"] == "success"
    daemon.call("publish", source="ci", event="deployment", data="echo v1.2.3", key="once")
    sent = daemon.call("send", source="a", target="claude-blacklist", message="echo typed", key="twice")
    until(lambda: daemon.status_of(sent["id"]) == "delivered", what="a delivery", within_s=60)
    daemon.call("send", source="a", target="claude-manager", message="held", ttl_s=LAST_S)


def _second_life(daemon: Daemon) -> None:
    back = daemon.call("send", source="a", target="claude-manager", message="taken back", ttl_s=LAST_S)
    daemon.call("cancel", id=back["id"])
    daemon.call("send", source="a", target="claude-manager", message="Hello ✓\nworld", type="notification")
    daemon.call("send", source="a", target="backend", message='{"a": 1}', type="data")
    daemon.call("send", source="a", target="claude-manager", message="unseen", secret=True, ttl_s=LAST_S)


def _take_snapshot(journal: Path) -> None:
    state, last = read(journal)
    folder = Folder.existing(journal)
    layout_ = Layout.of(folder.names())
    identity = folder.read_file(layout_.segments[0].name, 32)[12:16]
    write_snapshot(folder, identity, last, map(f.encode, state.snapshot(1_700_000_000.0)))
    for file in layout_.segments:
        folder.remove(file.name)
    folder.close()


def _trim(journal: Path) -> None:
    """Without the room that is reserved: zeros at the end mean nothing."""
    for path in _files(journal):
        if path.suffix == ".new":
            path.unlink()
        elif path.suffix == ".seg":
            path.write_bytes(path.read_bytes().rstrip(b"\0"))


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.iterdir())


if __name__ == "__main__":
    (DATA / "facts").mkdir(exist_ok=True)
    (DATA / "facts" / f"{version()}.txt").write_text(facts())
    make_state(DATA / "state" / version())
    sys.stdout.write(f"wrote the samples of {version()}\n")
