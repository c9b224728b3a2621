"""Work that is the same each time, for counting: no socket, no clock, no thread. A start is a process."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import counter
from tests.bench.counter import Counter, Counts
from tests.support.daemon import ROOT, Daemon
from tests.support.talk import Talk, only, pin, session
from tsipc_client.render import listing
from tsipc_client.render.style import Style
from tsipc_client.wire import messages as m
from tsipc_client.wire.codec import encode_request
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.state import State
from tsipcd.journal import meaning, record
from tsipcd.server import encode
from tsipcd.server.decode import from_msgpack
from tsipcd.workflows.definition import chain

BODY = "x" * 200
SEED = record.seed_of(b"counted!")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`prepare` gives the work; `times` is how often the work does what the numbers are said of."""

    prepare: Callable[[], Callable[[], None]]
    times: int
    of: str


def _durable(talk: Talk) -> None:
    """What the journal makes of the facts that were said since the last time."""
    record.encode(SEED, 1, [f.encode(fact) for fact in talk.facts])
    talk.facts.clear()


def sends() -> Callable[[], None]:
    """200 commands to one idle shell, from the request's bytes to its reply's, typed and made durable."""
    talk = Talk()
    talk.see(session("one", 1))
    payload = encode_request(1, m.Send(source="a", target="one", message=BODY))

    def work() -> None:
        for number in range(1, 201):
            _, request = from_msgpack(payload)
            effects = talk.ask(request)
            _durable(talk)
            encode.result(1, only(effects, e.Reply).result, lines=False)
            talk.ready(number, pin(1))
            talk.typed(number)
            _durable(talk)

    return work


def fan_out() -> Callable[[], None]:
    """One event to 100 shells."""
    talk = Talk()
    talk.see(*(session(f"s{number}", number) for number in range(100)))
    table = tuple(
        m.Subscription(session=f"s{number}", event="go", action=m.Action.COMMAND) for number in range(100)
    )
    talk.tell(i.SubscriptionsRead(table))

    def work() -> None:
        effects = talk.ask(m.Publish(source="a", event="go", data="x"))
        _durable(talk)
        for look in [effect for effect in effects if isinstance(effect, e.Inspect)]:
            talk.ready(look.number, pin(int(look.place.session_id[1:])))
            talk.typed(look.number)
        _durable(talk)

    return work


def recovery() -> Callable[[], None]:
    """10,000 waiting messages replayed, and taken up."""
    talk = Talk()
    talk.tell(i.SubscriptionsRead((m.Subscription(session="gone", event="go", action=m.Action.COMMAND),)))
    for _ in range(10_000):
        talk.send("gone", BODY)
    payloads = [f.encode(fact) for fact in talk.facts]

    def work() -> None:
        state = State()
        for payload in payloads:
            meaning.apply(state, payload)
        Talk(state).machine.restore(1_760_000_100.0)

    return work


def a_listing() -> Callable[[], None]:
    """`ts-ipc queue` of 100 messages: made by the core, encoded, and laid out."""
    talk = Talk()
    talk.tell(i.SubscriptionsRead((m.Subscription(session="gone", event="go", action=m.Action.COMMAND),)))
    for _ in range(100):
        talk.send("gone", BODY)

    def work() -> None:
        queued = only(talk.ask(m.Queue()), e.Reply).result
        assert isinstance(queued, m.Queued)
        encode.result(1, queued, lines=False)
        list(listing.queue(queued, Style(width=100)))

    return work


def a_run() -> Callable[[], None]:
    """A workflow of 20 steps, each ready, typed and ended with 0; without what tmux and the shell do."""
    talk = Talk()
    talk.see(session("one", 1))
    deploy = chain("deploy", [("one", "make")] * 20)

    def work() -> None:
        talk.tell(i.RunAsked(i.Call(1, 1), i.Caller(), deploy, follow=True, key=""))
        for number in range(1, 21):
            talk.ready(number, pin(1))
            talk.typed(number)
            talk.tell(i.StepEnded(number, 0))
            _durable(talk)

    return work


CORE: dict[str, Scenario] = {
    "send": Scenario(prepare=sends, times=200, of="send"),
    "fan-out": Scenario(prepare=fan_out, times=100, of="subscriber"),
    "recovery": Scenario(prepare=recovery, times=10_000, of="message"),
    "listing": Scenario(prepare=a_listing, times=100, of="message"),
    "run": Scenario(prepare=a_run, times=20, of="step"),
}

STARTS: dict[str, tuple[str, ...]] = {
    "start of ts-ipc send": ("send", "bench", "gone", "x"),
    "start of ts-ipc queue": ("queue",),
    "start of ts-ipc --help": ("--help",),
}


def count(scenario: Scenario) -> Counts:
    """One run of the work, counted; another before it, so that what is made once has been made."""
    scenario.prepare()()
    work = scenario.prepare()
    # Whoever wants to be told of garbage is called in the middle of the work, at another place each time.
    gc.collect()
    gc.disable()
    try:
        with Counter() as counted:
            work()
    finally:
        gc.enable()
    return counted.counts


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon that knows the session `gone` and sees none."""
    with tempfile.TemporaryDirectory(prefix="ti-") as folder:
        quiet = {"HOME": folder, "TMUX_TMPDIR": folder}
        serving = Daemon(Path(folder) / "ipc", quiet)
        try:
            serving.start()
            serving.call("subscribe", session="gone", event="go", action="command")
            yield serving
        finally:
            serving.close()


def count_start(serving: Daemon, words: tuple[str, ...]) -> Counts:
    """One `ts-ipc` process, from its first line to its last."""
    environment = {
        **{name: value for name, value in serving.environment.items() if not name.startswith("TMUX")},
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    out = serving.directory.parent / "counts"
    command = [sys.executable, "-P", counter.__file__, str(out), *words]
    quiet = subprocess.DEVNULL
    subprocess.run(command, env=environment, check=True, stdin=quiet, stdout=quiet, stderr=quiet)
    counts: Counts = {name: (calls, steps) for name, (calls, steps) in json.loads(out.read_text()).items()}
    return counts


def everything() -> Iterator[tuple[str, str, int, Counts]]:
    """Each scenario's name, what it is said of, how often that was done, and its counts."""
    for name, scenario in CORE.items():
        yield name, scenario.of, scenario.times, count(scenario)
    with daemon() as serving:
        for name, words in STARTS.items():
            count_start(serving, words)  # the first compiles
            yield name, "start", 1, count_start(serving, words)
