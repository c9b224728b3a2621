"""A daemon with panes that it types into, and the oracle: what must be true of both, whatever happened.

Nothing acknowledged is lost. What was sent is typed into its own pane, once, in order; nothing is typed
anywhere else. Views and files say what the daemon says.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.dying import CALLS, DYING, FAULTS
from tests.faults.tally import Tally
from tests.faults.traffic import FAILING, FANOUT, PAD, SHELLS, Order, Traffic
from tests.support.daemon import Answer, Daemon
from tests.support.power import cut_power
from tests.support.tmux import Tmux
from tests.support.wait import until
from tsipcd.journal.fsck import check

QUIET = "quiet"
"""A pane that nobody is to type into; its screen stays empty."""
DEADLINE_S = 90.0
WORDS = {
    "accepted": "SEND",
    "held": "HOLD",
    "delivered": "DELIVER",
    "started": "START",
    "done": "DONE",
    "failed": "FAIL",
    "in-doubt": "DOUBT",
}
"""What the event log calls the moves of a message; `intent` has no line."""


class World:
    """One state folder, the lives of its daemon, and a tmux server that outlives them all."""

    def __init__(self, tmux: Tmux, directory: Path, tally: Tally) -> None:
        self.tally = tally
        self.tmux = tmux
        self.typed = tmux.folder / "typed"
        self.daemon = Daemon(directory, {"TMUX_TMPDIR": str(tmux.folder)}, weakened=DYING)
        self.daemon.log = tmux.folder / "daemon.log"

    def furnish(self) -> None:
        """Start the panes."""
        self.typed.mkdir()
        for name in SHELLS:
            file = self.typed / name
            self.tmux.session(name, f"P={file} exec /bin/bash --norc --noprofile")
        # They show nothing, so that there is nothing to wait for; what is typed early is not lost.
        for name in (PAD, QUIET):
            self.tmux.run("new-session", "-d", "-s", name, f"exec cat >>{self.typed / name}")
        until((self.typed / QUIET).exists, what="the quiet pane")

    # ── lives ─────────────────────────────────────────────────────────────────────────────────────────────

    def launch(self, *faults: str, calls: int = 0) -> None:
        """Start the daemon with these of `dying`, and do not wait."""
        self.daemon.environment |= {FAULTS: "+".join(faults), CALLS: str(calls)}
        self.daemon.launch()

    def start(self, *faults: str, calls: int = 0) -> None:
        self.launch(*faults, calls=calls)
        until(self.daemon.serves, what=f"it serves; {self.daemon.log}", within_s=DEADLINE_S)

    @property
    def is_alive(self) -> bool:
        return self.daemon.process is not None and self.daemon.process.poll() is None

    def kill(self) -> None:
        self.daemon.kill()
        self.tally.add("SIGKILLs")

    def cut(self, where: Path, kind: str) -> None:
        """The file system with the state folder is dead, and the daemon with it."""
        cut_power(where)
        self.daemon.kill()
        self.tally.add(f"power cuts on {kind}")

    def expect_killed(self) -> None:
        """It dies by SIGKILL, and by nothing else."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(DEADLINE_S) == -signal.SIGKILL, self.daemon.log.read_text()[-2000:]
        self.tally.add("SIGKILLs")

    def arm(self) -> None:
        """From now on a daemon that `dies_at_call_after_usr1` counts."""
        os.kill(self.daemon.pid, signal.SIGUSR1)
        with contextlib.suppress(OSError):
            self.answers()

    def answers(self) -> bool:
        """It serves. An `OSError` if it does not, or not any more."""
        return bool(self.daemon.call("hello"))

    def dies_before(self, condition: Callable[[], bool]) -> bool:
        """Whether the daemon is killed before the condition holds."""

        def end() -> str:
            if not self.is_alive:
                return "killed"
            try:
                return "done" if condition() else ""
            except OSError:
                return ""

        if until(end, what="it dies, or is done", within_s=DEADLINE_S) == "done":
            return False
        self.expect_killed()
        return True

    def stop(self) -> None:
        """It drains and ends."""
        assert self.daemon.process is not None
        self.daemon.process.terminate()
        assert self.daemon.process.wait(DEADLINE_S) == 0, self.daemon.log.read_text()[-2000:]

    def subscribe(self) -> bool:
        """The sessions will have the events that traffic publishes."""
        for session, action in FANOUT:
            self.daemon.call("subscribe", session=session, event="news", action=action)
        return True

    # ── the oracle ────────────────────────────────────────────────────────────────────────────────────────

    def expect_acknowledged(self, orders: list[Order]) -> None:
        """Every message that was acknowledged is there, with what it says, for whom."""
        for order in orders:
            if order.answer is None:
                continue
            if order.method == "send":
                message = self._message(order.answer["id"])
                assert message["message"] == order.params["message"], f"{order.label} is lost"
                assert message["target"] == order.params["target"]
            elif order.method == "publish":
                found = [self._message(each["id"]) for each in order.answer["subscribers"]]
                assert [each["target"] for each in found] == [session for session, _ in FANOUT]
                assert all(order.label in each["message"] for each in found), f"{order.label} is lost"
        self._expect_whole(orders)

    def settle(self) -> None:
        """Wait until nothing is left to be done but what waits for people."""
        until(self.is_settled, what="all is typed and stored", within_s=DEADLINE_S)

    def expect_right(self, traffic: Traffic) -> None:
        """Everything, at the end: ask again what was not answered, let it settle, compare it all, stop."""
        traffic.finish(self.daemon.socket_path)
        self.settle()
        stories = self.stories()
        self.expect_acknowledged(traffic.orders)
        _expect_each_once(traffic.orders, stories)
        _expect_ended(stories)
        self._expect_runs(traffic.orders)
        self.expect_typed(stories)
        table = self.daemon.call("subscriptions")["subscriptions"]
        self.stop()
        self._expect_files(traffic.orders, stories, table)
        self._expect_log(traffic.orders, stories)
        self.tally.add("acknowledged messages", len(stories))
        self.tally.add("acknowledged messages lost", 0)
        self.tally.add("keystrokes doubled", 0)

    def _message(self, number: str) -> Answer:
        message: Answer = self.daemon.call("show", id=number)["message"]
        return message

    def is_settled(self) -> bool:
        pending = self.daemon.call("queue", limit=1000, pending=True)["messages"]
        assert all(each["status"] != "in-doubt" for each in pending), (
            f"in doubt, and the panes live: {pending}"
        )
        return all(each["type"] == "notification" for each in pending)

    def stories(self) -> list[Answer]:
        """Every message, by number."""
        listed = self.daemon.call("queue", limit=1)["messages"]
        last = int(listed[-1]["id"].removeprefix("msg-")) if listed else 0
        return [self.daemon.call("show", id=f"msg-{number}") for number in range(1, last + 1)]

    def _expect_runs(self, orders: list[Order]) -> None:
        """Each run went on to its end; its steps ended with their true statuses."""
        for order in orders:
            if order.method != "run" or order.answer is None:
                continue
            ended = self.daemon.call("run", name=order.label, key=order.label)
            assert ended["run"] == order.answer["run"]
            fails = [FAILING if "exit" in step["command"] else 0 for step in order.requests[0][1]["steps"]]
            reached = fails[: fails.index(FAILING) + 1] if FAILING in fails else fails
            assert [step["exit_code"] for step in ended["steps"]][: len(reached)] == reached, ended
            assert all(step["status"] is None for step in ended["steps"][len(reached) :])
            assert ended["status"] == ("failure" if FAILING in fails else "success"), ended
            self.tally.add("runs across kills")

    def expect_typed(self, stories: list[Answer]) -> None:
        """In each pane, what was sent there, in order, once; in the quiet one nothing."""
        for name in (*SHELLS, PAD):
            wanted = [
                _label(story["message"]["message"])
                for story in stories
                if story["message"]["target"] == name and story["message"]["type"] == "command"
            ]
            found = (self.typed / name).read_text().split() if wanted else []
            doubled = [label for label, times in Counter(found).items() if times > 1]
            assert not doubled, f"typed twice in {name}: {doubled}"
            assert found == wanted, f"typed in {name}"
            self.tally.add("commands typed", len(found))
        assert (self.typed / QUIET).read_bytes() == b""
        assert self.tmux.screen(QUIET) == ""

    def _expect_files(self, orders: list[Order], stories: list[Answer], table: list[Answer]) -> None:
        """The views and the files show what the daemon said before it stopped; nothing is half written."""
        folder = self.daemon.directory
        shown = {path.stem: json.loads(path.read_text()) for path in (folder / "queue").glob("*.json")}
        assert shown.keys() == {story["message"]["id"] for story in stories}
        for story in stories:
            message = story["message"]
            view = shown[message["id"]]
            assert (view["to"], view["message"], view["status"]) == (
                message["target"], message["message"], message["status"],
            )  # fmt: skip
        assert not [str(path) for path in folder.rglob(".tmp-*")]
        rows = [
            {"session": session, **row}
            for session, rows in json.loads((folder / "subscriptions.json").read_text())[
                "subscriptions"
            ].items()
            for row in rows
        ]
        by_event = sorted(rows, key=lambda row: (row["event"], row["session"]))
        assert by_event == sorted(table, key=lambda row: (row["event"], row["session"]))
        ended = {o.params["event"] for o in orders if o.method == "unsubscribe" and o.answer}
        made = {o.params["event"] for o in orders if o.method == "subscribe" and o.answer}
        found, wanted = {row["event"] for row in rows} - {"news"}, made - ended
        assert found == wanted, f"subscriptions: {wanted - found} are lost, {found - wanted} came back"
        for order in orders:
            if order.requests[0][0] == "workflow" and order.answer:
                saved = json.loads((folder / "workflows" / f"{order.label}.json").read_text())
                assert saved["steps"] == order.requests[0][1]["steps"]
        for name in SHELLS:
            last = [
                s["message"]
                for s in stories
                if (s["message"]["target"], s["message"]["type"]) == (name, "data")
            ]
            if last:
                assert (folder / f"{name}.data").read_text() == last[-1]["message"]
        report = check(folder / "journal")
        assert not report.damage
        assert report.torn_bytes == 0

    def _expect_whole(self, orders: list[Order]) -> None:
        """The files that are replaced are the old or the new one, never half of one; acknowledged is new."""
        folder = self.daemon.directory
        if (folder / "subscriptions.json").exists():
            json.loads((folder / "subscriptions.json").read_text())
        for file in (folder / "workflows").glob("*.json"):
            assert json.loads(file.read_text())["name"] == file.stem
        for order in orders:
            if order.answer is not None and order.requests[0][0] == "workflow":
                assert (folder / "workflows" / f"{order.label}.json").exists(), f"{order.label} is lost"
        for file in folder.glob("*.data"):
            assert file.stem in SHELLS
            assert re.fullmatch(r"(L\d+\.)\1*|echo L\d+\.>>\$P", file.read_text()), file

    def _expect_log(self, orders: list[Order], stories: list[Answer]) -> None:
        """The event log has the line of each event, once, in order."""
        lines = (self.daemon.directory / "events.log").read_text().splitlines()
        moves: dict[str, list[str]] = {}
        others: Counter[str] = Counter()
        for line in lines:
            _, word, rest = line.split(" ", 2)
            if (number := re.search(r"\bmsg-\d+", rest)) is not None:
                moves.setdefault(number[0], []).append(word)
            else:
                others[f"{word} {rest}"] += 1
        for story in stories:
            wanted = [WORDS[move["status"]] for move in story["story"] if move["status"] in WORDS]
            message = story["message"]
            found = moves.get(message["id"], [])
            assert found == wanted[bool(message["event"]) :], f"events.log has {found} for {story}"
        for order in orders:
            if order.method == "publish":
                mine = [line for line in others if line.startswith(f"PUBLISH {order.label} ")]
                assert len(mine) == (len(FANOUT) if order.answer else len(mine))
                assert all(others[line] == 1 for line in mine), mine
            elif order.method == "subscribe" and order.answer and order.asked == 1:
                assert others[f"SUBSCRIBE one [{order.label}] data"] >= 1, order
            elif order.method == "run" and order.answer:
                run = order.answer["run"]
                ends = [line for line in others if line.startswith(f"END {order.label} {run} ")]
                assert others[f"RUN {order.label} {run}"] == 1
                assert [others[line] for line in ends] == [1]


def _label(text: str) -> str:
    found = re.search(r"L\d+\.", text)
    assert found is not None, text
    return found[0]


def _expect_each_once(orders: list[Order], stories: list[Answer]) -> None:
    """Each order has become the messages it should have become, once; there are no others."""
    messages = [story["message"] for story in stories]
    found = Counter((_label(each["message"]), bool(each["event"]), bool(each["run"])) for each in messages)
    for order in orders:
        sent, published, steps = (
            found.pop((order.label, *kind), 0) for kind in [(False, False), (True, False), (False, True)]
        )
        if order.method == "send":
            assert sent == 1 or (sent == 0 and order.answer is None), f"{order.label} is there {sent} times"
        elif order.method == "publish":
            assert published == len(FANOUT) or (published == 0 and order.answer is None), order
        elif order.method == "run":
            assert order.answer is not None
            assert 1 < steps <= len(SHELLS), order
    assert not found


def _expect_ended(stories: list[Answer]) -> None:
    """What can have ended well has."""
    for story in stories:
        message: dict[str, Any] = story["message"]
        if message["type"] == "notification":
            wanted = {"held"}
        elif message["run"]:
            wanted = {"done"}
        else:
            wanted = {"delivered"}
        assert message["status"] in wanted, story
