"""A daemon that stalls, dies or cannot start is replaced, and whoever asked is answered by the next one.

Under a real `systemd --user`; without one a daemon that hangs is not replaced behind its back, and a stop
comes to its end even if tmux hangs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.faults.effort import count
from tests.faults.stage import Stage
from tests.faults.tally import Tally
from tests.support.daemon import ROOT
from tests.support.wait import until
from tests.systemd.conftest import SERVICE, SOCKET, UserManager, _manager, installed, manager
from tsipcd import supervisor
from tsipcd.intake import Intake

__all__ = ["_manager", "installed", "manager"]

MODULE = "tests.faults.test_watchdog"
TIMED_OUT = 4
FAILURES = 5
WITHIN_S = 60.0

under_systemd = [pytest.mark.systemd, pytest.mark.slow, pytest.mark.xdist_group("systemd")]


# ── how the daemon is made to fail; these run in its process ──────────────────────────────────────────────


def stalling() -> None:
    """Its loop stands still from the next request on, once there is a file `stall` in its home."""
    real = Intake.on_request
    trigger = Path.home() / "stall"

    def on_request(self: Intake, *arguments: Any) -> None:
        if trigger.exists():
            trigger.unlink()
            time.sleep(1_000)
        real(self, *arguments)

    mock.patch.object(Intake, "on_request", on_request).start()


def stalling_unseen() -> None:
    """The same, and the safeguard switched off: a thread says that all is well."""
    stalling()

    def lie() -> None:
        while True:
            supervisor.notify("WATCHDOG=1")
            time.sleep(0.2)

    threading.Thread(target=lie, daemon=True).start()


def failing_at_first() -> None:
    """It cannot start, so many times."""
    path = Path.home() / "failures"
    failures = len(path.read_bytes()) if path.exists() else 0
    if failures < FAILURES:
        path.write_bytes(b"x" * (failures + 1))
        sys.exit(1)


@contextmanager
def unit(manager: UserManager, weakened: str = "", **settings: str) -> Iterator[None]:
    """The service with these settings, and a weakened daemon if one is named."""
    lines = [f"{name}={value}" for name, value in settings.items()]
    if weakened:
        command = f"{sys.executable} -m tests.faults.weakened {MODULE}:{weakened}"
        lines += ["ExecStart=", f"ExecStart={command}"]
    extra = manager.home / f".config/systemd/user/{SERVICE}.d/99-test.conf"
    extra.write_text("\n".join(["[Service]", *lines]) + "\n")
    manager.systemctl("daemon-reload")
    try:
        yield
    finally:
        extra.unlink()
        manager.systemctl("daemon-reload")


def hold(manager: UserManager) -> int:
    """A session is known that is not there; how many messages wait."""
    manager.call("subscribe", session="tomorrow", event="e", action="command")
    return int(manager.call("status")["waiting"])


class TestUnderSystemd:
    """What the units promise."""

    pytestmark = under_systemd

    def test_a_stalled_loop_is_replaced(self, installed: UserManager, tally: Tally) -> None:
        """Those who wait in it are answered by the next daemon; each message is there once."""
        with unit(installed, "stalling", WatchdogSec="1", TimeoutAbortSec="2"):
            clients = 6
            for _ in range(count(1, 5)):
                before = hold(installed)
                stalled = installed.call("status")["pid"]
                (installed.home / "stall").touch()
                begun = time.perf_counter()
                with ThreadPoolExecutor(clients) as pool:
                    list(
                        pool.map(
                            lambda n: installed.ts_ipc("send", "s", "tomorrow", f"ls {n}", "--timeout", "50"),
                            range(clients),
                        )
                    )
                tally.took("answered by the next daemon after a stall", time.perf_counter() - begun)
                report = installed.call("status")
                assert report["pid"] != stalled
                assert report["waiting"] == before + clients
                assert installed.ended(stalled)
                tally.add("stalled loops replaced by the watchdog")
                tally.add("clients of a stalled loop answered", clients)

    def test_with_a_lying_thread_it_stays(self, installed: UserManager) -> None:
        """The same oracle fails without the safeguard: nobody notices, and the client's time runs out."""
        with unit(installed, "stalling_unseen", WatchdogSec="1"):
            hold(installed)
            stalled = installed.call("status")["pid"]
            (installed.home / "stall").touch()
            done = installed.run(
                sys.executable, "-m", "tsipc_client", "send", "s", "tomorrow", "ls", "--timeout", "6"
            )
            assert done.returncode == TIMED_OUT, done
            assert installed.show(SERVICE, "MainPID") == str(stalled)
            os.kill(stalled, signal.SIGKILL)

    def test_one_that_fails_to_start_again_and_again(self, installed: UserManager, tally: Tally) -> None:
        """The first client waits until one starts, and is answered; neither unit ends up failed."""
        with unit(installed, "failing_at_first"):
            installed.ts_ipc("queue", "--timeout", "50")
            assert (installed.home / "failures").stat().st_size == FAILURES
            assert installed.show(SERVICE, "ActiveState") == "active"
            assert installed.show(SOCKET, "ActiveState") == "active"
            (installed.home / "failures").unlink()
            tally.add("failed starts in a row", FAILURES)

    def test_killed_while_a_client_follows_a_run(self, installed: UserManager, tally: Tally) -> None:
        """As if memory were short: the client goes on with the next daemon, the step ran once."""
        installed.tmux.session("here")
        marks = installed.home / "marks"
        try:
            for number in range(count(1, 4)):
                installed.call(
                    "workflow",
                    name="slow",
                    steps=[{"session": "here", "command": f"sleep 2; echo x >>{marks}"}],
                )
                with ThreadPoolExecutor(1) as pool:
                    ran = pool.submit(installed.ts_ipc, "run", "slow")
                    until(lambda: installed.call("status")["runs"] == 1, what="it runs", within_s=WITHIN_S)
                    os.kill(installed.call("status")["pid"], signal.SIGKILL)
                    ran.result(WITHIN_S)
                assert marks.read_text() == "x\n" * (number + 1)
                tally.add("daemons killed while a client followed a run")
        finally:
            installed.tmux.close()

    def test_restarted_again_and_again_while_clients_send(self, installed: UserManager, tally: Tally) -> None:
        """`systemctl restart` in between: every command succeeds, every message is there once."""
        before = hold(installed)
        number = count(10, 60)
        with ThreadPoolExecutor(3) as pool:
            sent = pool.map(
                lambda n: installed.ts_ipc("send", "s", "tomorrow", f"ls {n}", "--timeout", "50"),
                range(number),
            )
            for _ in range(count(3, 15)):
                installed.systemctl("restart", SERVICE)
            list(sent)
        assert installed.call("status")["waiting"] == before + number
        tally.add("commands given while systemd restarted the daemon", number)


def ts_ipc(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    """A command for the stage's daemon."""
    return subprocess.run(
        [sys.executable, "-m", "tsipc_client", *words],
        cwd=ROOT,
        env={**os.environ, **stage.daemon.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def stage(short_path: Path) -> Iterator[Stage]:
    """A place for a daemon."""
    place = Stage(short_path)
    yield place
    place.close()


def test_a_daemon_that_hangs_is_not_doubled(stage: Stage, tally: Tally) -> None:
    """Without systemd its clients' time runs out, with status 4; no second one is started."""
    stage.daemon.start()
    pid = stage.daemon.pid
    os.kill(pid, signal.SIGSTOP)
    for words in (("queue",), ("send", "s", "tomorrow", "ls"), ("daemon", "status")):
        done = ts_ipc(stage, *words, "--timeout", "2")
        assert done.returncode == TIMED_OUT, done
        assert "no answer within 2 s" in done.stderr
    assert not (stage.daemon.directory / "daemon.log").exists()
    os.kill(pid, signal.SIGCONT)
    assert stage.daemon.call("status")["pid"] == pid
    tally.add("clients of a daemon that hangs", 3)


def test_a_stop_ends_though_tmux_hangs(stage: Stage, tally: Tally) -> None:
    """It exits with 0, and what it had in hand is typed once by the next one."""
    seat = stage.seat("one", "here")
    stage.daemon.start()
    stage.becomes(stage.send("here", seat.mark("first")), "delivered")
    with seat.server.stopped():
        message = stage.send("here", seat.mark("second"))
        begun = time.perf_counter()
        done = ts_ipc(stage, "daemon", "stop")
        tally.took("stopped though tmux hung", time.perf_counter() - begun)
        assert done.returncode == 0, done.stderr
        assert stage.daemon.process is not None
        assert stage.daemon.process.wait(WITHIN_S) == 0
        stage.daemon.start()
        assert stage.daemon.status_of(message) in {"held", "intent"}
    stage.becomes(message, "delivered")
    seat.fence()
    assert seat.marked == ["first", "second"]
    tally.add("stops while tmux hung")
