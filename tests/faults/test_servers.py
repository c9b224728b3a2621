"""A tmux server that stands still, dies, comes back or never was one is the affair of its own messages alone.

Oracle: others are served meanwhile; a command runs at most once, in the order it was sent, in no session but
its own; what may have been typed into a pane that ended is in doubt, and is never typed again by itself, not
even into a new session of the same name whose pane has the same id; all else arrives.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.faults.effort import chance, count, parts
from tests.faults.stage import WITHIN_S, Line, Seat, Stage, mark, signal_all
from tests.faults.tally import Tally
from tests.support.wait import until
from tsipcd.core import deliveries, facts
from tsipcd.tmux import connection, driver, keys, server

pytestmark = pytest.mark.tmux

NewStage = Callable[..., Stage]


def burst(stage: Stage, targets: list[Seat], numbers: range) -> list[str]:
    """Send a command for each number to these seats in turn, all at once; their ids when all are durable."""
    with Line(stage.daemon.socket_path) as line:
        for number in numbers:
            seat = targets[number % len(targets)]
            line.ask("send", {"source": "tester", "target": seat.name, "message": mark(f"c{number}")})
        answers = [line.answer() for _ in numbers]
    return [answer["result"]["id"] for answer in sorted(answers, key=lambda answer: answer["id"])]


def ran_once_in_order(seat: Seat, numbers: range, each: int = 1, first: int = 0) -> None:
    """Every command of this burst ran, once, in order."""
    seat.fence()
    assert seat.marked == [f"c{number}" for number in numbers if number % each == first]


# ── stopped ───────────────────────────────────────────────────────────────────────────────────────────────


def test_others_go_on_while_one_is_stopped(stage: Stage, tally: Tally) -> None:
    """Sends to two other servers are typed; the stopped one's commands run when it goes on."""
    seats = [stage.seat(name, f"on-{name}") for name in "abc"]
    stage.witness("a")
    many = count(100, 500)

    def send_to_others(numbers: range, what: str) -> None:
        with Line(stage.daemon.socket_path) as line:
            for number in numbers:
                began = time.perf_counter()
                answer = line.result(
                    "send",
                    source="tester",
                    target=seats[1 + number % 2].name,
                    message=mark(f"c{number}"),
                )
                tally.took(what, time.perf_counter() - began)
                # One at a time: what is measured is the daemon, not a queue in front of it.
                stage.becomes(answer["id"], "delivered")

    send_to_others(range(many), "send to another server, undisturbed")
    stage.settle(burst(stage, seats[:1], range(10)))
    with seats[0].server.stopped():
        late = burst(stage, seats[:1], range(10, 30))
        send_to_others(range(many, 2 * many), "send to another server, one stopped")
        assert all(stage.messages()[message]["status"] in {"accepted", "held", "intent"} for message in late)
    assert set(stage.settle(late)) == {"delivered"}
    ran_once_in_order(seats[0], range(30))
    for first, seat in enumerate(seats[1:]):
        ran_once_in_order(seat, range(2 * many), each=2, first=first)
    assert stage.witnessed() == b""
    tally.add("commands to others of a stopped server", many)


def without_deadlines() -> None:
    """Whoever looks at tmux waits until every server has answered."""
    vars(driver)["PATIENCE_S"] = 1000.0
    for module in (server, connection, keys):
        vars(module).update(CONNECT_S=1000.0, RUN_S=1000.0, TYPE_S=1000.0)


def daemon_starts_beside_a_stopped_server(stage: Stage, within_s: float = WITHIN_S) -> None:
    one, other = stage.seat("a", "one"), stage.seat("b", "other")
    stage.daemon.start()
    stage.settle(burst(stage, [one, other], range(4)))
    with one.server.stopped():
        late = burst(stage, [one], range(4, 13, 2))
        stage.daemon.kill()
        stage.daemon.launch()
        until(stage.daemon.serves, what="it serves beside a stopped server", within_s=within_s)
        with Line(stage.daemon.socket_path, within_s=within_s) as line:
            line.ask("send", {"source": "tester", "target": "other", "message": mark("c5")})
            answer = line.answer()
        assert answer, "it serves beside a stopped server"
        stage.becomes(answer["result"]["id"], "delivered")
    assert set(stage.settle(late)) == {"delivered"}
    one.fence()
    other.fence()
    assert one.marked == ["c0", "c2", "c4", "c6", "c8", "c10", "c12"]
    assert other.marked == ["c1", "c3", "c5"]


def test_a_daemon_that_starts_beside_a_stopped_server(new_stage: NewStage, tally: Tally) -> None:
    """Killed and started while a server stands still, it serves the others, and that one when it goes on."""
    daemon_starts_beside_a_stopped_server(new_stage())
    tally.add("daemons started beside a stopped server")


def test_without_deadlines_a_stopped_server_holds_all(new_stage: NewStage, tally: Tally) -> None:
    """Negative control: without deadlines the others get no answer."""
    stage = new_stage(weakened=f"{__name__}:{without_deadlines.__name__}")
    with pytest.raises(AssertionError, match="it serves beside a stopped server"):
        daemon_starts_beside_a_stopped_server(stage, within_s=5.0)
    stage.daemon.kill()
    tally.add("negative controls that failed as they must")


def stop_while_typing(stage: Stage, seat: Seat, stack: ExitStack) -> tuple[list[str], int]:
    """Stop the server between a command's intent and its outcome; all that was sent, the server's process.

    It goes on when `stack` is closed.
    """
    sent = burst(stage, [seat], range(1))
    stage.settle(sent)
    random = chance("stop", seat.name)
    while True:
        mine = range(len(sent), len(sent) + 10)
        with Line(stage.daemon.socket_path) as line:
            for number in mine:
                line.ask("send", {"source": "tester", "target": seat.name, "message": mark(f"c{number}")})
            time.sleep(random.uniform(0.0, 0.02))
            stop = stack.enter_context(ExitStack())
            pid = stop.enter_context(seat.server.stopped())
            sent += [line.answer()["result"]["id"] for _ in mine]
        messages = stage.messages()
        if any(messages[message]["status"] == "intent" for message in sent):
            return sent, pid
        stop.close()
        stage.settle(sent)


@pytest.mark.parametrize("part", parts(1, 4, each=1))
@pytest.mark.parametrize("restarted", [False, True], ids=["daemon-lives", "daemon-killed"])
def test_stopped_for_longer_than_every_deadline(
    stage: Stage, tally: Tally, restarted: bool, part: int
) -> None:
    """What sits in a stopped server's buffer while the daemon gives up on it is typed once all the same."""
    seat = stage.seat("a", "work")
    with ExitStack() as stack:
        sent, _ = stop_while_typing(stage, seat, stack)
        if restarted:
            stage.restart()
        until(lambda: _unreachable(stage), what="the daemon gave up on it", within_s=WITHIN_S)
    assert set(stage.settle(sent)) == {"delivered"}
    ran_once_in_order(seat, range(len(sent)))
    tally.add("servers stopped beyond every deadline", part)


def _unreachable(stage: Stage) -> bool:
    return any("did not answer" in problem for problem in stage.daemon.call("sessions")["unreachable"])


# ── killed ────────────────────────────────────────────────────────────────────────────────────────────────


def typed_again() -> None:
    """What may have been typed is not in doubt: it is delivered again like everything else."""
    kind: Any = deliveries.Deliveries

    def hold(self: Any, turn: Any, message: Any) -> None:
        self._submissions.forget(message.number)
        turn.record(facts.MessageHeld(turn.now, message.number, "again"))
        self._relocate(turn, message)

    kind.doubt = hold


def by_its_id() -> None:
    """A pane is told by its id alone, whatever life of whatever server it is in."""
    kind: Any = deliveries.Deliveries

    def submit(self: Any, turn: Any, socket: str, live: Any, _server: Any) -> None:
        for number in self._submissions.unresolved_at(socket):
            message = self._state.messages[number]
            for pin in live:
                if pin.pane == message.pin.pane:
                    self._submit(turn, message, pin)

    kind._resolve_doubts = submit


def die_while_typing(stage: Stage, tally: Tally, *, daemon_too: bool, same_id: bool) -> None:
    """The server dies between intent and outcome, and another comes with a session of the same name."""
    old = stage.seat("a", "work")
    stage.daemon.start()
    with ExitStack() as stack:
        sent, pid = stop_while_typing(stage, old, stack)
        before = stage.messages()
        done = [f"c{number}" for number, key in enumerate(sent) if before[key]["status"] == "delivered"]
        until(lambda: set(done) <= set(old.marked), what="the shell runs what it was given")
        if daemon_too:
            stage.daemon.kill()
        old.server.kill(pid=pid)
    if daemon_too:
        stage.daemon.start()
    if not same_id:
        assert stage.witness("a") == old.pane
    new = stage.seat("a", "work")
    if same_id:
        assert new.pane == old.pane
        stage.witness("a")
    doubted = [f"c{number}" for number, status in enumerate(stage.settle(sent)) if status == "in-doubt"]
    stage.restart()
    assert stage.settle(sent).count("in-doubt") == len(doubted)
    new.fence()
    tally.add("servers killed between intent and outcome")
    tally.add("commands in doubt", len(doubted))
    tally.add("commands in doubt typed again", len(set(doubted).intersection(new.marked)))
    tally.add("keys in another pane", len(stage.witnessed()))
    ours = [f"c{number}" for number in range(len(sent))]
    assert len(doubted) == 1, "nothing is in doubt"
    assert stage.witnessed() == b"", "keys in another pane"
    assert new.marked == [name for name in ours if name not in {*done, *doubted}]
    assert old.marked == [name for name in ours if name in {*done, *set(doubted).intersection(old.marked)}]


@pytest.mark.parametrize("part", parts(1, 10, each=1))
@pytest.mark.parametrize("daemon_too", [False, True], ids=["daemon-lives", "daemon-killed"])
@pytest.mark.parametrize("same_id", [False, True], ids=["id-of-another", "same-id"])
def test_killed_while_typing(
    new_stage: NewStage, tally: Tally, daemon_too: bool, same_id: bool, part: int
) -> None:
    """The one command in between is in doubt for good; those behind it go to the new session, once each."""
    assert part
    die_while_typing(new_stage(), tally, daemon_too=daemon_too, same_id=same_id)


@pytest.mark.parametrize(
    ("weakened", "same_id"), [(typed_again, False), (typed_again, True), (by_its_id, False)]
)
def test_what_is_in_doubt_would_be_typed_again(
    new_stage: NewStage, tally: Tally, weakened: Callable[[], None], same_id: bool
) -> None:
    """Negative control: without doubt, or without the pin of a pane's life, the oracle fails."""
    stage = new_stage(weakened=f"{__name__}:{weakened.__name__}")
    with pytest.raises(AssertionError, match=r"nothing is in doubt|keys in another pane"):
        die_while_typing(stage, Tally("ignored"), daemon_too=True, same_id=same_id)
    tally.add("negative controls that failed as they must")


@pytest.mark.parametrize(("piece", "lives"), list(enumerate(parts(4, 50, each=5))))
def test_restarted_under_load(stage: Stage, tally: Tally, piece: int, lives: int) -> None:
    """A server that dies over and over gets each command at most once, in order; one beside it gets all."""
    random = chance("lives", piece)
    other = stage.seat("b", "other")
    stage.witness("b")
    sent: list[str] = []
    others = 0
    dead: list[Seat] = []
    excused: set[str] = set()
    """Delivered to a shell that died, or in doubt: they need not have run."""
    doubted: set[str] = set()
    while True:
        seat = stage.seat("a", "work", witness="before" if random.random() < 0.5 else "behind")
        sent += burst(stage, [seat], range(len(sent), len(sent) + 8))
        if len(dead) == lives:
            break
        stage.settle(burst(stage, [other], range(others, others + 4)))
        others += 4
        sent += burst(stage, [seat], range(len(sent), len(sent) + 8))
        time.sleep(random.uniform(0.0, 0.03))
        seat.server.kill(pid=seat.server_pid, politely=random.random() < 0.5)
        dead.append(seat)
        ended = _after_intent(stage, sent)
        excused.update(
            f"c{number}" for number, status in enumerate(ended) if status in {"delivered", "in-doubt"}
        )
        doubted.update(f"c{number}" for number, status in enumerate(ended) if status == "in-doubt")
    assert set(stage.settle(sent)) <= {"delivered", "in-doubt"}
    seat.fence()
    ran = [name for life in (*dead, seat) for name in life.marked]
    ours = [f"c{number}" for number in range(len(sent))]
    tally.add("tmux servers killed under load", lives)
    tally.add("commands in doubt", len(doubted))
    tally.add("keystrokes doubled", len(ran) - len(set(ran)))
    tally.add("commands lost", len(set(ours) - set(ran) - excused))
    tally.add("keys in another pane", len(stage.witnessed()))
    assert ran == [name for name in ours if name in set(ran)], "twice, or out of order"
    assert set(ours) - set(ran) <= excused
    assert not doubted.intersection(seat.marked)
    assert stage.witnessed() == b""
    ran_once_in_order(other, range(others))


def _after_intent(stage: Stage, sent: list[str]) -> list[str]:
    """The statuses of these once nothing is under way."""

    def statuses() -> list[str]:
        messages = stage.messages()
        found = [messages[message]["status"] for message in sent]
        return [] if "intent" in found else found

    return until(statuses, what="what was under way is in doubt or done", within_s=WITHIN_S)


@pytest.mark.parametrize("politely", [False, True], ids=["SIGKILL", "kill-server"])
@pytest.mark.parametrize("daemon_too", [False, True], ids=["daemon-lives", "daemon-killed"])
def test_killed_while_its_commands_wait(stage: Stage, tally: Tally, politely: bool, daemon_too: bool) -> None:
    """Held ones are kept for the session's name: delivered once to the new one, whose pane has another id."""
    old = stage.seat("a", "work")
    old.server.keys(old.pane, "sleep 1000", "Enter")
    old.shows("sleep")
    sent = burst(stage, [old], range(20))
    stage.becomes(sent[0], "held", "busy: sleep")
    old.server.kill(politely=politely)
    if daemon_too:
        stage.restart()
    stage.becomes(sent[0], "held", "no session work yet")
    stage.witness("a")
    stage.seat("a", "work-2")
    new = stage.seat("a", "work")
    assert set(stage.settle(sent)) == {"delivered"}
    ran_once_in_order(new, range(20))
    assert (old.marked, stage.witnessed()) == ([], b"")
    tally.add("commands that waited for a new server", 20)


def test_a_server_that_died_with_the_daemon_and_never_came_back(stage: Stage, tally: Tally) -> None:
    """What was under way there is in doubt; what waited says that its session is not there."""
    seat = stage.seat("a", "work")
    with ExitStack() as stack:
        sent, pid = stop_while_typing(stage, seat, stack)
        stage.daemon.kill()
        seat.server.kill(pid=pid)
    stage.daemon.start()
    ended = _after_intent(stage, sent)
    assert ended.count("in-doubt") == 1
    for message, status in zip(sent, ended, strict=True):
        if status in {"accepted", "held"}:
            stage.becomes(message, "held", "no session work yet")
            break
    assert set(ended) <= {"delivered", "in-doubt", "held", "accepted"}
    tally.add("commands in doubt", ended.count("in-doubt"))


def test_a_step_beside_a_stopped_server_goes_on(stage: Stage, tally: Tally) -> None:
    """A daemon that starts while the step's server stands still waits for it, and learns the step's end."""
    seat = stage.seat("a", "work")
    steps = [{"session": "work", "command": f"sleep 1; {mark('step')}"}]
    stage.daemon.call("workflow", name="slow", steps=steps)
    stage.settle(burst(stage, [seat], range(1)))
    run = stage.daemon.call("run", name="slow", follow=False)
    (message,) = [key for key, message in stage.messages().items() if message["run"] == run["run"]]
    stage.becomes(message, "started")
    with seat.server.stopped():
        stage.restart()
        until(lambda: _unreachable(stage), what="the daemon gave up on it", within_s=WITHIN_S)
    assert stage.settle([message]) == ["done"]
    assert seat.marked == ["c0", "step"]
    tally.add("steps taken up beside a stopped server")


@pytest.mark.parametrize("what", ["client", "session"])
def test_our_client_is_killed_in_a_burst(stage: Stage, tally: Tally, what: str) -> None:
    """The daemon's tmux client or its private session ends over and over: nothing is lost or doubled."""
    seat = stage.seat("a", "work")
    stage.witness("a")
    sent: list[str] = []
    for _ in range(count(3, 20)):
        sent += burst(stage, [seat], range(len(sent), len(sent) + 10))
        until(seat.server.control_clients, what="the daemon has a client there")
        if what == "client":
            signal_all(seat.server.control_clients(), signal.SIGKILL)
        else:
            for session in seat.server.private_sessions():
                seat.server.run("kill-session", "-t", session, check=False)
        tally.add(f"tmux {what}s of the daemon killed")
    assert set(stage.settle(sent)) == {"delivered"}
    ran_once_in_order(seat, range(len(sent)))
    assert stage.witnessed() == b""
