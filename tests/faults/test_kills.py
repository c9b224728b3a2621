"""The daemon is killed at any moment, and nothing acknowledged is lost, and nothing is typed twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.effort import chance, count, parts
from tests.faults.orders import Orders
from tests.faults.tally import Tally
from tests.faults.traffic import Traffic, flood
from tests.faults.world import World
from tests.support.wait import until

PARTS = list(enumerate(parts(15, 500, each=25)))


@pytest.mark.parametrize(("part", "kills"), PARTS)
def test_killed_at_random_moments(world: World, part: int, kills: int) -> None:
    """While clients send, publish, run, subscribe, and while the daemon starts and compacts."""
    draw = chance("kills", part)
    traffic = Traffic(draw)
    start_s = 0.4
    world.start("small_segments")
    world.subscribe()
    for _ in range(kills):
        done = len(traffic.orders)
        if world.is_alive:
            traffic.run(world.daemon.socket_path, acks=draw.randrange(1, 40), then=world.kill)
        else:
            world.launch("small_segments")
            time.sleep(draw.uniform(0, start_s))
            world.kill()
        if draw.random() < 0.8:
            started = time.perf_counter()
            world.start("small_segments")
            start_s = time.perf_counter() - started
            world.tally.took("serving again after SIGKILL", start_s)
            world.expect_acknowledged(traffic.orders[done:])
    if not world.is_alive:
        world.start()
    world.expect_right(traffic)


def test_serving_again_with_a_long_queue(world: World, tally: Tally) -> None:
    """With 10,000 messages queued the daemon serves again, and has all of them."""
    world.start()
    world.daemon.call("subscribe", session="later", event="news")
    send = {"source": "here", "target": "later", "message": "true"}
    done = flood(world.daemon.socket_path, 10_000, send)
    for _ in range(count(1, 5)):
        world.kill()
        started = time.perf_counter()
        world.start()
        tally.took("serving again with 10,000 queued", time.perf_counter() - started)
        assert world.daemon.call("queue", limit=1)["waiting"] == done == 10_000


# ── one moment, and safeguards off ────────────────────────────────────────────────────────────────────────


KINDS: dict[str, dict[str, Any]] = {
    "keys": {},
    "paste": {"message": f": {'x' * 100}; echo {{}}>>$P"},
    "text, then Enter": {"target": "pad", "message": "{}", "now": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_killed_between_typing_and_its_outcome(world: World, orders: Orders, kind: str) -> None:
    """The next life finds out that it was typed, and does not type again."""
    for _ in range(count(1, 10)):
        world.start("dies_before_outcome")
        orders.send(**KINDS[kind])
        world.expect_killed()
    world.start()
    world.expect_right(orders.traffic)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", ["without_marker", "intents_as_held"])
def test_a_guard_that_is_off_types_twice(world: World, orders: Orders, kind: str, after: str) -> None:
    """Control: without the marker, or with intents begun anew, the oracle sees it."""
    world.start("dies_before_outcome")
    orders.send(**KINDS[kind])
    world.expect_killed()
    world.start(after)
    world.settle()
    with pytest.raises(AssertionError, match="typed twice"):
        world.expect_typed(world.stories())


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ("", "", ""),
        ("without_intent", "", "in doubt"),
        ("without_intent", "without_outrun", "typed twice"),
    ],
)
def test_the_intent_is_what_the_next_life_knows(
    world: World, orders: Orders, before: str, after: str, seen: str
) -> None:
    """Killed between typing and outcome, its number given to another; control: without an intent.

    Then the pane's marker still tells that something is wrong; control: not asked either, it is typed twice.
    """
    world.start("dies_before_outcome", before)
    orders.send("one")
    world.expect_killed()
    world.tmux.run("copy-mode", "-t", "=one:")
    world.start(after)
    orders.send("two")
    until(lambda: world.daemon.status_of("msg-2") == "delivered", what="another one is typed", within_s=90)
    world.tmux.run("send-keys", "-X", "-t", "=one:", "cancel")
    with pytest.raises(AssertionError, match=seen) if seen else contextlib.nullcontext():
        world.settle()
        world.expect_typed(world.stories())


def test_an_answer_before_its_record_is_a_loss(world: World, orders: Orders) -> None:
    """Control: a daemon that answers first and writes later loses what it acknowledged."""
    world.start("answers_first")
    for _ in range(5):
        orders.send()
    world.kill()
    world.start()
    with pytest.raises(AssertionError, match="nothing is known of 'msg-1'"):
        world.expect_acknowledged(orders.traffic.orders)


def test_a_forgotten_key_is_a_second_message(world: World, orders: Orders) -> None:
    """Control: a daemon that forgets keys accepts the repetition as new; the oracle sees it."""
    world.start()
    orders.send()
    world.kill()
    world.start("without_keys")
    with pytest.raises(AssertionError, match=r"L0\. was first answered"):
        orders.traffic.finish(world.daemon.socket_path)


@pytest.mark.parametrize("after", ["", "without_rereading"])
def test_killed_before_the_log_is_marked(world: World, orders: Orders, after: str) -> None:
    """The next life writes no line a second time; control: without reading what is there, it does."""
    world.start("dies_before_log_is_marked")
    orders.send()
    world.expect_killed()
    world.start(after)
    if not after:
        world.expect_right(orders.traffic)
        return
    with pytest.raises(AssertionError, match=r"events\.log has \[.*SEND.*SEND"):
        world.expect_right(orders.traffic)


def test_a_key_in_another_pane_is_seen(world: World, orders: Orders) -> None:
    """Control: the oracle sees a key in the pane that nobody sends to."""
    world.start()
    orders.send()
    world.settle()
    world.expect_typed(world.stories())
    world.tmux.run("send-keys", "-t", "=quiet:", "x")
    until(lambda: world.tmux.screen("quiet"), what="the key shows", within_s=90)
    with pytest.raises(AssertionError):
        world.expect_typed(world.stories())


def test_a_client_that_the_killed_daemon_left_is_ended(world: World, orders: Orders) -> None:
    """The next life ends it, should it not end by itself: nor could the server end before it."""
    world.start()
    orders.send()
    world.settle()
    client = int(world.tmux.run("list-clients", "-F", "#{client_pid}"))
    os.kill(client, signal.SIGSTOP)
    world.kill()
    world.start()
    orders.send()
    until(lambda: not command_line(client), what="the stopped client is gone", within_s=90)
    world.expect_right(orders.traffic)


def command_line(pid: int) -> bytes:
    """Empty: the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
