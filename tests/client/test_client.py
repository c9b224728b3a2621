"""The blocking client, on a real socket to a stub daemon."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.client.conftest import Stubs
from tests.support.wait import until
from tests.wire.samples import PROGRESS, RESULTS, STEPS
from tsipc_client import Client, launch
from tsipc_client.exchange import is_over
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, Broken, ErrorCode, Refused, TimedOut, Unreachable, WireError

VERBS: dict[type[m.Request], Callable[[Client], object]] = {
    m.Hello: lambda client: client.hello("test"),
    m.Subscribe: lambda client: client.subscribe("s", "e", "command"),
    m.Unsubscribe: lambda client: client.unsubscribe("s", "e"),
    m.Publish: lambda client: client.publish("s", "e", "data"),
    m.Workflow: lambda client: client.workflow("w", [(step.session, step.command) for step in STEPS]),
    m.Run: lambda client: client.run("w", follow=False),
    m.Pipeline: lambda client: client.pipeline("a", "b"),
    m.Queue: lambda client: client.queue(5, pending=True),
    m.Show: lambda client: client.show("msg-1"),
    m.Wait: lambda client: client.wait("msg-1", until="delivered"),
    m.Reply: lambda client: client.reply("msg-1", "yes"),
    m.Inbox: lambda client: client.inbox("claude-manager"),
    m.Retry: lambda client: client.retry("msg-1"),
    m.Purge: lambda client: client.purge(),
    m.Cancel: lambda client: client.cancel("msg-1"),
    m.Resolve: lambda client: client.resolve("msg-1", "redeliver"),
    m.Subscriptions: lambda client: client.subscriptions(),
    m.Events: lambda client: client.events(5),
    m.Sessions: lambda client: client.sessions(),
    m.Runs: lambda client: client.runs(limit=5),
    m.Schedule: lambda client: client.schedule(),
    m.Validate: lambda client: client.validate("w"),
    m.Workflows: lambda client: client.workflows(),
    m.Graph: lambda client: client.graph("w"),
    m.Rm: lambda client: client.rm("w"),
    m.Pause: lambda client: client.pause("run-3"),
    m.Resume: lambda client: client.resume("run-3"),
    m.Approve: lambda client: client.approve("run-3", "ok"),
    m.Reject: lambda client: client.reject("run-3"),
    m.Rerun: lambda client: client.rerun("run-3", failed=True, follow=False),
    m.Watch: lambda client: client.watch("run-3"),
    m.Explain: lambda client: client.explain("run-3", "deploy"),
}


@pytest.fixture
def client(stub: Stubs) -> Client:
    return Client(stub.directory, start=False)


def test_every_verb_returns_its_result(client: Client) -> None:
    """Each method of the class is one method of the protocol."""
    with client:
        for kind, ask in VERBS.items():
            assert ask(client) == RESULTS[kind]
        sent = client.send("a", "b", "ls", type="notification", ttl_s=5, now=True, raw=True)
        assert isinstance(sent, m.Sent)
        assert client.status().clients == 1
        assert isinstance(client.stop(), m.Stopping)
    assert set(VERBS) | {m.Send, m.DaemonStatus, m.Stop, m.Listen} == set(m.REQUESTS)


def test_progress_is_handed_on_as_it_comes(client: Client) -> None:
    """A run that is followed tells of its steps."""
    seen: list[m.Progress] = []
    with client:
        assert client.run("w", seen.append) == RESULTS[m.Run]
        assert client.call(m.Run(name="w"), seen.append) == RESULTS[m.Run]
    assert [item.workflow for item in seen] == ["w", PROGRESS.workflow] * 2


def test_an_error_is_raised_as_its_class_and_the_connection_goes_on(client: Client) -> None:
    """Message and hint are for people; the next call is served."""
    with client:
        with pytest.raises(BadInput) as caught:
            client.show("nothing")
        assert (caught.value.code, caught.value.hint) == (ErrorCode.UNKNOWN_ID, "look")
        with pytest.raises(BadInput, match="notification, data"):
            client.send("a", "b", "ls", type="mesage")
        assert client.queue() == RESULTS[m.Queue]


def test_a_callback_that_fails_ends_the_call_and_not_the_client(client: Client) -> None:
    """What was left on the connection does not reach the next call."""

    def fail(_item: m.Progress) -> None:
        raise ValueError("mine")

    with client:
        with pytest.raises(ValueError, match="mine"):
            client.run("w", fail)
        assert client.queue() == RESULTS[m.Queue]


def test_many_requests_at_once_come_back_in_their_order(client: Client) -> None:
    """More than may be under way, more than the buffers hold; errors stand where their requests stood."""
    requests: list[m.Request] = [
        m.Show(id="nothing") if index % 100 == 7 else m.Send(source="a", target="b", message="x" * 1000)
        for index in range(3000)
    ]
    requests[50] = m.Send(source="a", target="b", message="\ud800")
    with client:
        outcomes = client.call_many(requests)
        assert client.call_many([]) == []
    assert [index for index, outcome in enumerate(outcomes) if isinstance(outcome, WireError)] == sorted(
        [50, *range(7, 3000, 100)]
    )
    numbers = [int(outcome.id.removeprefix("msg-")) for outcome in outcomes if isinstance(outcome, m.Sent)]
    assert numbers == sorted(numbers)


def test_no_answer_in_time_is_timed_out(client: Client) -> None:
    """The outcome is not known, and the client is usable after it."""
    client.timeout_s = 0.05
    with client:
        with pytest.raises(TimedOut, match=r"0\.05 s"):
            client.send("a", "b", "wait")
        client.timeout_s = 20
        assert client.queue() == RESULTS[m.Queue]


def test_a_daemon_that_hangs_is_timed_out(stub: Stubs) -> None:
    """A stopped process accepts nothing and answers nothing."""
    (pid,) = stub.started
    with Client(stub.directory, timeout_s=0.1, start=False) as client:
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
        with pytest.raises(TimedOut):
            client.queue()
        subprocess.run(["kill", "-CONT", str(pid)], check=True)


def test_without_a_daemon_it_is_unreachable(short_path: Path) -> None:
    """The error says where it was looked for and what starts one."""
    with Client(short_path, start=False) as client, pytest.raises(Unreachable, match="ts-ipc daemon start"):
        client.queue()


def test_a_place_in_the_line_is_waited_for(short_path: Path) -> None:
    """Where the system has no room for another connection, the client tries on until its deadline."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(short_path / "ipc.sock"))
        listener.listen(0)
        while True:
            other = stack.enter_context(socket.socket(socket.AF_UNIX))
            other.settimeout(0)
            try:
                other.connect(str(short_path / "ipc.sock"))
            except BlockingIOError:
                break
        with pytest.raises(TimedOut), Client(short_path, timeout_s=0.1, start=False) as client:
            client.queue()
        with ThreadPoolExecutor(1) as pool:
            connecting = pool.submit(launch.connect, short_path, start=False)
            listener.settimeout(0.05)
            while not connecting.done():
                # The last one that comes may be the client, which has not said so yet.
                with suppress(TimeoutError):
                    stack.enter_context(listener.accept()[0])
            connecting.result().close()


@pytest.mark.usefixtures("python_of_stub")
def test_what_had_no_answer_is_sent_again_under_its_key(stubs: Stubs) -> None:
    """A daemon that dies in the middle is started again, and the caller does not notice; not for ever."""
    with Client(stubs.directory) as client:
        assert client.send("a", "b", "die once").status is m.Status.ACCEPTED
        assert len(stubs.started) == 2
        with pytest.raises(Broken):
            client.send("a", "b", "die")
        assert len(stubs.started) in (3, 4)


@pytest.mark.usefixtures("python_of_stub")
@pytest.mark.parametrize("word", ["stopping", "unknown outcome"])
def test_a_daemon_that_ends_is_asked_again_once_it_is_gone(stubs: Stubs, word: str) -> None:
    """The next daemon is asked; if that one ends too, and the one after it, the error is the answer."""
    with Client(stubs.directory) as client:
        with pytest.raises((Refused, Broken)) as caught:
            client.send("a", "b", word)
        assert str(caught.value.code) == word.replace(" ", "_")
        assert len(stubs.started) == 3


@pytest.mark.usefixtures("python_of_stub")
def test_a_connection_that_ended_while_unused_is_made_anew(stubs: Stubs) -> None:
    """Even for what must not be repeated: nothing of it was sent."""
    with Client(stubs.directory) as client:
        client.queue()
        stubs.end()
        sock = client._socket
        until(lambda: sock is not None and is_over(sock), what="the daemon is gone")
        assert isinstance(client.cancel("msg-1"), m.Cancelled)


def test_what_must_not_be_repeated_is_not(short_path: Path) -> None:
    """A `stop` whose answer is lost does not stop the next daemon, too."""
    heard = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short_path / "ipc.sock"))
        listener.listen()
        script = "from tsipc_client import Client; import sys; Client(sys.argv[1], start=False).stop()"
        with subprocess.Popen([sys.executable, "-c", script, short_path], stderr=subprocess.PIPE) as process:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(1000))
            _, said = process.communicate(timeout=20)
            listener.settimeout(0)
            with pytest.raises(BlockingIOError):
                listener.accept()
    assert b"stop" in heard[0]
    assert b"Broken" in said


def test_ctrl_c_leaves_nothing_behind(client: Client) -> None:
    """The next call has a connection of its own."""
    with client:
        client.queue()
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            client.send("a", "b", "wait")
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        assert client.queue() == RESULTS[m.Queue]
