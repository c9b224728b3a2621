"""What the model-based test drives: a daemon, two tmux servers, three sessions; and the plain model.

A command writes its tag into the file of the pane that runs it (`$HERE`), so the files tell what was typed
where, how often and in which order. Each life of a session has a file of its own.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.faults.stage import WITHIN_S, Line, Server, Stage
from tests.support.wait import until
from tsipc_client.wire.messages import Status
from tsipcd.core.delivery import ENDED, MOVES

SESSIONS: Final = {"a": "one", "b": "one", "c": "two"}
"""Each with its server."""

Rows = dict[tuple[str, str], str]
"""The subscriptions: session and event, and the action."""


@cache
def reachable(status: Status) -> frozenset[Status]:
    """Where a message of this status may be later, by the table of legal moves."""
    found = {status}
    while True:
        more = found.union(*(MOVES[each] for each in found))
        if more == found:
            return frozenset(found)
        found = more


@dataclass
class Expected:
    """What the model knows of one acknowledged message."""

    session: str
    tag: str
    type: str
    status: Status = Status.ACCEPTED
    is_shaken: bool = False
    """Its pane or server was killed while it was not yet known to have run: it may be in doubt, or lost."""
    is_cancelled: bool = False


@dataclass
class Run:
    """What the model knows of one run, by the key it was started with."""

    name: str
    key: str
    steps: list[tuple[str, str]]
    """Session and tag of each."""
    is_shaken: bool = False


@dataclass
class Life:
    """One life of a session: its shell stands at the prompt unless somebody keeps it busy."""

    pane: str
    ran: Path
    stolen: Path
    """What a program in the foreground read while the pane was busy: nothing, if all is well."""
    is_busy: bool = False
    is_in_mode: bool = False


@dataclass
class Model:
    """The whole daemon in plain Python, as far as somebody outside can tell."""

    messages: dict[str, Expected] = field(default_factory=dict)
    perhaps: set[tuple[str, str]] = field(default_factory=set)
    """Sent while the daemon was killed, and never acknowledged: session and tag."""
    runs: list[Run] = field(default_factory=list)
    rows: Rows = field(default_factory=dict)
    keys: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    """By key: the request, and the id that it was answered with."""

    def shake(self, session: str, ran: set[str]) -> None:
        """The session's pane is killed now; `ran` has the tags that are known to have run."""
        for message in self.messages.values():
            if message.session == session and message.tag not in ran:
                message.is_shaken = True
        for run in self.runs:
            if any(at == session and tag not in ran for at, tag in run.steps):
                run.is_shaken = True


class World:
    """The real thing."""

    def __init__(self, folder: Path, weakened: str = "") -> None:
        self.stage = Stage(folder, weakened=weakened)
        self.daemon = self.stage.daemon
        self.folder = folder
        self.model = Model()
        self.lives: dict[str, list[Life]] = {session: [] for session in SESSIONS}
        for session in SESSIONS:
            self.begin(session)
        self.daemon.start()
        # A name must have been seen once before one can send to it while it is absent.
        self.daemon.call("sessions")

    # ── sessions ──────────────────────────────────────────────────────────────────────────────────────────

    def server(self, session: str) -> Server:
        return self.stage.server(SESSIONS[session])

    def life(self, session: str) -> Life | None:
        """The life it has now; None: it is not there."""
        lives = self.lives[session]
        return lives[-1] if lives and lives[-1].pane else None

    def begin(self, session: str) -> None:
        """It begins anew, if it is not there."""
        if self.life(session) is not None:
            return
        number = len(self.lives[session]) + 1
        ran = self.folder / f"{session}-{number}.ran"
        server = self.server(session)
        shell = f"exec env HERE={ran} bash --noprofile --norc"
        made = server.run("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", session, "-x", "120", shell)
        pane = made.strip()
        until(lambda: server.screen(pane), what=f"a prompt in {session}", within_s=WITHIN_S)
        self.lives[session].append(Life(pane, ran, ran.with_suffix(".stolen")))

    def end(self, session: str, *how: str) -> None:
        """It ends, by a command of its server; all sessions of the server, if that ends."""
        if self.life(session) is None:
            return
        server = self.server(session)
        if how == ("SIGKILL",):
            server.kill()
        else:
            server.run(*how, check=False)
        for other, socket in SESSIONS.items():
            if other == session or ("kill-session" not in how and socket == SESSIONS[session]):
                self._has_ended(other)

    def _has_ended(self, session: str) -> None:
        life = self.life(session)
        if life is not None:
            life.pane = ""
            self.model.shake(session, {tag for _, tag in self.ran(session)})

    def occupy(self, session: str) -> None:
        """A program takes the terminal: what is typed now goes to it."""
        life = self.life(session)
        if life is None or life.is_busy or life.is_in_mode:
            return
        self.rest(session)
        server = self.server(session)
        server.keys(life.pane, f"cat >{life.stolen}", "Enter")
        until(
            lambda: server.ask(life.pane, "#{pane_current_command}") == "cat",
            what=f"{session} is busy",
            within_s=WITHIN_S,
        )
        life.is_busy = True

    def vacate(self, session: str) -> None:
        """The shell is at its prompt again."""
        life = self.life(session)
        if life is None:
            return
        server = self.server(session)
        if life.is_in_mode:
            server.run("send-keys", "-t", life.pane, "-X", "cancel", check=False)
            life.is_in_mode = False
        if life.is_busy:
            server.keys(life.pane, "", "C-c")
            life.is_busy = False

    def browse(self, session: str) -> None:
        """Somebody scrolls back in it."""
        life = self.life(session)
        if life is not None:
            self.server(session).run("copy-mode", "-t", life.pane)
            life.is_in_mode = True

    def rest(self, session: str) -> None:
        """Wait until nothing is on its way into the pane."""

        def rests() -> bool:
            listed = self.listed()
            ran = {tag for _, tag in self.ran(session)}
            return all(
                Status(listed[number]["status"]) in ENDED | {Status.IN_DOUBT}
                and (message.is_shaken or message.is_cancelled or message.tag in ran)
                for number, message in self.model.messages.items()
                if message.session == session and message.type == "command"
            ) and all(
                row["status"] in ENDED | {Status.IN_DOUBT}
                for row in listed.values()
                if row["target"] == session and row["type"] == "command"
            )

        try:
            until(rests, what=f"nothing is on its way into {session}", within_s=WITHIN_S)
        except AssertionError as late:
            shows = self.server(session).screen(session) if self.life(session) else "nothing"
            raise AssertionError(
                f"{late}\n{list(self.listed().values())}\nran: {self.ran(session)}\nshows: {shows}"
            ) from late

    # ── what can be seen ──────────────────────────────────────────────────────────────────────────────────

    def ran(self, session: str) -> list[tuple[int, str]]:
        """What its shells ran: the life, counted from 0, and the tag, in order."""
        return [
            (number, tag)
            for number, life in enumerate(self.lives[session])
            if life.ran.exists()
            for tag in life.ran.read_text().split()
        ]

    def listed(self) -> dict[str, dict[str, Any]]:
        """All messages of the daemon, by id."""
        return {row["id"]: row for row in self.daemon.call("queue", limit=100_000)["messages"]}

    def table(self) -> Rows:
        """The daemon's subscriptions."""
        rows = self.daemon.call("subscriptions")["subscriptions"]
        return {(row["session"], row["event"]): row["action"] for row in rows}

    def file_table(self) -> Rows:
        """What `subscriptions.json` holds."""
        path = self.folder / "ipc/subscriptions.json"
        if not path.exists():
            return {}
        held = json.loads(path.read_text())["subscriptions"]
        return {(session, row["event"]): row["action"] for session, rows in held.items() for row in rows}

    def write_table(self, rows: Rows) -> None:
        """A person edits the file."""
        sessions: dict[str, list[dict[str, str]]] = {}
        for (session, event), action in rows.items():
            sessions.setdefault(session, []).append({"event": event, "action": action})
        path = self.folder / "ipc/subscriptions.json"
        edited = path.with_suffix(".edited")
        edited.write_text(json.dumps({"subscriptions": sessions}))
        edited.replace(path)

    # ── the daemon's ends ─────────────────────────────────────────────────────────────────────────────────

    def burst_and_kill(self, session: str, tags: list[str]) -> None:
        """Commands one after the other without waiting, and SIGKILL among them; it starts again."""
        line = Line(self.daemon.socket_path)
        sent = {
            line.ask("send", {"source": "model", "target": session, "message": command(tag)}): tag
            for tag in tags
        }
        self.daemon.kill()
        while answer := line.answer():
            assert "result" in answer, answer
            tag = sent.pop(answer["id"])
            self.model.messages[answer["result"]["id"]] = Expected(session, tag, "command")
        line.close()
        self.model.perhaps.update((session, tag) for tag in sent.values())
        self.daemon.start()

    def restart(self, number: signal.Signals) -> None:
        """It ends by that signal and starts again."""
        process = self.daemon.process
        assert process is not None
        process.send_signal(number)
        status = process.wait(60)
        assert status == (0 if number is signal.SIGTERM else -number), self.daemon.log.read_text()
        self.daemon.start()

    def drop_views(self) -> None:
        """Somebody deletes the files that are for looking at."""
        for path in [*(self.folder / "ipc/queue").glob("*"), self.folder / "ipc/events.log"]:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    # ── the oracle ────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """At any time: nothing acknowledged is missing, nothing ran twice, nowhere else, or out of order."""
        listed = self.listed()
        for number, message in self.model.messages.items():
            assert number in listed, f"{number} was acknowledged and is lost"
            status = Status(listed[number]["status"])
            assert status in reachable(message.status), f"{number} went from {message.status} to {status}"
            message.status = status
            assert status is not Status.IN_DOUBT or message.is_shaken, f"{number}: {listed[number]}"
            assert status is not Status.FAILED or message.is_shaken, f"{number}: {listed[number]}"
            if message.is_cancelled:
                assert status is Status.CANCELLED, f"{number} was taken back and is {status}"
        self._check_panes({number: row["message"] for number, row in listed.items()})
        assert self.table() == self.model.rows == self.file_table()

    def _check_panes(self, bodies: dict[str, str]) -> None:
        order = {body: int(number.removeprefix("msg-")) for number, body in bodies.items()}
        wanted = {(m.session, m.tag) for m in self.model.messages.values() if not m.is_cancelled}
        wanted |= {step for run in self.model.runs for step in run.steps} | self.model.perhaps
        for session in SESSIONS:
            ran = self.ran(session)
            for tag, times in Counter(tag for _, tag in ran).items():
                assert (session, tag) in wanted, f"{tag} was not for {session}"
                assert times == 1, f"{tag} ran {times} times in {session}"
            numbers = [(life, order.get(command(tag), 0)) for life, tag in ran]
            assert numbers == sorted(numbers), f"out of order in {session}: {ran}"
            for life in self.lives[session]:
                stolen = life.stolen.read_text() if life.stolen.exists() else ""
                assert stolen == "", f"typed into a busy pane of {session}: {stolen!r}"

    def settle(self) -> None:
        """All sessions are there and free: everything comes to its end, and every file agrees."""
        for session in SESSIONS:
            self.begin(session)
            self.vacate(session)
        for session in SESSIONS:
            self.rest(session)
        self.check()
        for session in SESSIONS:
            ran = {tag for _, tag in self.ran(session)}
            for number, message in self.model.messages.items():
                if message.session == session and message.status is Status.DELIVERED:
                    is_there = message.type != "command" or message.tag in ran or message.is_shaken
                    assert is_there, f"{number} was delivered and never ran"
        for run in self.model.runs:
            self._check_run(run)
        self._check_data()
        self.restart(signal.SIGTERM)
        self.check()
        until(self._views_agree, what="the views show the state", within_s=WITHIN_S)

    def _check_run(self, run: Run) -> None:
        def ended() -> dict[str, Any] | None:
            answer = self.daemon.call("run", name=run.name, key=run.key, follow=False)
            return answer if answer["status"] != "running" else None

        answer = until(ended, what=f"{run.name} ends", within_s=WITHIN_S) or {}
        ran = [{tag for _, tag in self.ran(session)} for session, _ in run.steps]
        for index, (step, (_, tag)) in enumerate(zip(answer["steps"], run.steps, strict=True)):
            if step["status"] == "done" and not run.is_shaken:
                assert tag in ran[index], f"step {tag} is done and never ran"
        assert run.is_shaken or answer["status"] == "success", answer

    def _check_data(self) -> None:
        for session in SESSIONS:
            latest = [
                message.tag
                for message in self.model.messages.values()
                if (message.session, message.type, message.status) == (session, "data", Status.DELIVERED)
            ]
            if latest:
                assert (self.folder / f"ipc/{session}.data").read_text() == latest[-1]

    def _views_agree(self) -> bool:
        shown = {}
        for path in (self.folder / "ipc/queue").glob("msg-*.json"):
            with contextlib.suppress(FileNotFoundError):
                file = json.loads(path.read_text())
                shown[file["id"]] = (file["to"], file["message"], file["status"])
        return shown == {
            number: (row["target"], row["message"], row["status"]) for number, row in self.listed().items()
        }

    def close(self) -> None:
        self.stage.close()


def command(tag: str) -> str:
    """What leaves `tag` in the file of the pane that runs it."""
    return f"echo {tag} >>$HERE"
