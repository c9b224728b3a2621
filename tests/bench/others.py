"""The same errand by other means: a tmux process, libtmux, task-spooler, nq. Each until the command has run.

What they leave out: none looks who sits in the pane, none types at most once, and of all of them only the
queues of task-spooler and nq outlive their caller; those run a job in a new shell, not in a session's own.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial

import libtmux

from tests.bench.delivering import TELL
from tests.bench.samples import Row, absent, interleaved
from tests.bench.stage import Stage

PACKAGES = {"tsp": "task-spooler", "nq": "nq"}

TMUX, LIBTMUX = "one `tmux send-keys` process", "libtmux `send_keys`"

LEFT_OUT = {
    TMUX: "no look who sits in the pane, nothing kept, nothing typed once only",
    LIBTMUX: "the same: it starts that tmux process",
    "`tsp`": "keeps its jobs in memory, and runs each in a new shell, not in a session's own",
    "`nq`": "keeps its jobs as files that it does not sync, and runs each in a new shell",
}


def measure(stage: Stage, *, rounds: int) -> list[Row]:
    """`ts-ipc`'s request on an open connection beside each of the others that is here."""
    # Ours has a pane of its own: where others have just typed the daemon waits for the prompt.
    stage.shell("bench-others")
    stage.shell("bench-handed")
    wire = stage.wire()
    server = libtmux.Server(socket_path=stage.tmux.run("display-message", "-p", "#{socket_path}").strip())
    (session,) = server.sessions.filter(session_name="bench-others")
    pane = session.active_pane
    assert pane is not None
    environment = {
        **stage.tmux.environment,
        "TS_SOCKET": str(stage.folder / "tsp"),
        "NQDIR": str(stage.folder),
    }
    job = ("sh", "-c", f"exec 9>{stage.back}; {TELL}")
    run = partial(subprocess.run, env=environment, check=True, stdout=subprocess.DEVNULL)
    errands: dict[str, Callable[[], object]] = {
        "ours": lambda: wire.request("send", source="bench", target="bench-handed", message=TELL),
        TMUX: lambda: stage.tmux.run("send-keys", "-t", "=bench-others:", TELL, "Enter"),
        LIBTMUX: lambda: pane.send_keys(TELL, enter=True),
        **{f"`{name}`": partial(run, (name, *job)) for name in PACKAGES if shutil.which(name)},
    }

    def done(errand: Callable[[], object]) -> None:
        errand()
        stage.heard(1)

    taken = interleaved(rounds, {name: partial(done, errand) for name, errand in errands.items()})
    if shutil.which("tsp"):
        run(("tsp", "-K"))
    wire.close()
    ours = taken.pop("ours")
    rows = [ours.row("a request on an open connection → it has run")]
    rows += [
        samples.row(f"{name} → it has run", beside="that request", other=ours, note=LEFT_OUT[name])
        for name, samples in taken.items()
    ]
    rows += [absent(f"`{name}`", package) for name, package in PACKAGES.items() if not shutil.which(name)]
    return rows
