"""Hostile names: of sessions, events, workflows and files. They name one thing, and lead nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.conftest import settle, unsafe_in
from tests.security.hostile import NAMES, NO_NAMES
from tests.support.daemon import Daemon, call
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipc_client.wire.messages import MAX_NAME_BYTES
from tsipcd.server import limits
from tsipcd.views.filename import file_to_name, is_cut


def take_any_name() -> None:
    """Without the safeguard: what is called a name is one."""
    vars(limits)["_name"] = lambda _field, _value: None


def asked(path: Path, name: str) -> list[dict[str, object]]:
    """What becomes of everything that takes a name, with this one."""
    step = {"session": name, "command": "true"}
    return [
        call(path, "subscribe", session=name, event=name),
        call(path, "send", source=name, target=name, message="x", type="data"),
        call(path, "publish", source=name, event=name, data="x"),
        call(path, "workflow", name=name, steps=[step]),
        call(path, "pipeline", source=name, target=name),
        call(path, "unsubscribe", session=name, event=name),
        call(path, "run", name=name, follow=False),
        call(path, "show", id=name),
        call(path, "cancel", id=name),
    ]


def outside(folder: Path) -> set[Path]:
    """Everything beside the state folder."""
    return {path for path in folder.rglob("*") if not path.is_relative_to(folder / "ipc")}


def test_odd_names_lead_nowhere_else(make: Callable[..., Daemon], short_path: Path) -> None:
    """Every verb takes them; what is written is in the folder, and its name gives the session's back."""
    daemon = make()
    daemon.start()
    before = outside(short_path)
    answers = {name: asked(daemon.socket_path, name) for name in NAMES}
    assert outside(short_path) == before
    for name, (subscribed, sent, published, *_) in answers.items():
        assert "result" in subscribed, subscribed
        assert name == "." or "result" in published, published
        assert name in (".", "%0") or "result" in sent or "unknown_session" in str(sent), sent
    files = [path.name.removesuffix(".data") for path in daemon.directory.glob("*.data")]
    assert {found for file in files if (found := file_to_name(file)) is not None} <= set(NAMES)
    assert all(file_to_name(file) is not None or is_cut(file) for file in files)
    assert len(files) >= len(NAMES) // 2
    assert not list(short_path.rglob("pwned"))
    assert "Traceback" not in daemon.log.read_text()


def test_what_is_no_name_is_refused_everywhere(make: Callable[..., Daemon]) -> None:
    """At the wire, with words that can be shown; nothing of it is kept."""
    daemon = make()
    daemon.start()
    for name in NO_NAMES:
        for answer in asked(daemon.socket_path, name):
            assert "result" not in answer, (name, answer)
            assert not unsafe_in(json.dumps(answer, ensure_ascii=False)), answer
    assert daemon.call("queue")["messages"] == []
    assert daemon.call("subscriptions")["subscriptions"] == []
    assert [path.name for path in (daemon.directory / "workflows").iterdir()] == []


def test_without_the_check_they_would_be_taken(make: Callable[..., Daemon]) -> None:
    """The test above can fail."""
    daemon = make(weakened=f"{__name__}:{take_any_name.__name__}")
    daemon.start()
    assert "result" in asked(daemon.socket_path, "a\nb")[0]


@pytest.mark.tmux
def test_each_real_session_gets_what_is_for_it(
    make: Callable[..., Daemon], tmux: Tmux, short_path: Path
) -> None:
    """Sessions with hostile names, as tmux has them: a command reaches its own, and no other."""
    made: dict[str, Path] = {}
    for number, name in enumerate(name for name in NAMES if len(name) < 200):
        out = short_path / f"out-{number}"
        # tmux expands the name of a new session; doubling keeps it from running it.
        tmux.run("new-session", "-d", "-s", name.replace("#", "##"), f"exec cat >{out}", check=False)
        found = tmux.run("list-sessions", "-F", "#{session_name}").split("\n")
        made |= {real: out for real in found if real and real not in made}
    assert len(made) > 40
    daemon = make()
    daemon.start()
    listed = {session["name"] for session in daemon.call("sessions")["sessions"]}
    assert listed == set(made)
    special = {".", "*", "%0", "@2", "-"}
    for name in set(made) - special:
        answer = call(daemon.socket_path, "send", source="t", target=name, message=f"for {name}", now=True)
        if "error" in answer:
            # `*`, `@` and commas may have a meaning of their own: then it is said, and nothing is typed.
            assert any(char in name for char in "*@,:.[?%"), answer
            special.add(name)
    for name, out in made.items():
        if name not in special:
            until(lambda out=out: out.read_text(), what=f"something came for {name!r}", within_s=60)  # type: ignore[misc]
    for name, out in made.items():
        assert set(out.read_text().splitlines()) <= {f"for {name}"}
    assert not list(short_path.rglob("pwned"))


def test_workflow_files_with_odd_names_lead_nowhere(make: Callable[..., Daemon], short_path: Path) -> None:
    """A file that somebody dropped in is found under its own name only."""
    daemon = make()
    daemon.start()
    victim = short_path / "x.json"
    victim.write_text('{"steps": [{"session": "a", "command": "touch pwned"}]}')
    folder = daemon.directory / "workflows"
    for file in (
        "..%2F..%2Fx.json",
        "%2E%2E%2Fx.json",
        "-rf.json",
        "a\nb.json",
        "\u202ex.json",
        "%zz.json",
        ".json",
    ):
        (folder / file).write_text(victim.read_text())
    for name in ("../../x", "../x", "/x", str(victim.with_suffix("")), "..", "."):
        answer = call(daemon.socket_path, "run", name=name)
        assert "error" in answer, (name, answer)
        assert not unsafe_in(json.dumps(answer, ensure_ascii=False)), answer
    assert daemon.serves()


LISTED = tuple(name for name in (*NO_NAMES, *NAMES) if 0 < len(name.encode()) <= MAX_NAME_BYTES)


@pytest.mark.parametrize("names", [LISTED, ("",), ("a" * 256,)], ids=["odd", "empty", "long"])
def test_names_in_edited_files_are_shown_safely(make: Callable[..., Daemon], names: tuple[str, ...]) -> None:
    """Aliases and subscriptions that a person or another tool wrote: used or refused, never raw."""
    daemon = make()
    daemon.directory.mkdir(mode=0o700)
    aliases = {name: name for name in names} | {f"m{number}": name for number, name in enumerate(names)}
    (daemon.directory.parent / "aliases.json").write_text(json.dumps({"aliases": aliases}))
    rows = {name: [{"event": name, "action": "command"}, {"event": "e"}] for name in names}
    (daemon.directory / "subscriptions.json").write_text(json.dumps({"subscriptions": rows}))
    daemon.launch()
    assert settle(daemon)
    path = daemon.socket_path
    answers = [
        call(path, "send", source="a", target=f"m{number}", message="x") for number in range(len(names))
    ]
    answers += [call(path, "subscriptions"), call(path, "publish", source="a", event="e", data="x")]
    assert ["error" in answer for answer in answers[-2:]] == [names != LISTED] * 2, answers[-2:]
    assert daemon.serves()
    assert "Traceback" not in daemon.log.read_text()
    assert not unsafe_in(daemon.log.read_text())
