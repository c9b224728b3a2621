"""Fuzzes every target in turn until the time is over; exits 1 if something was found."""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
import threading
import time
import traceback

from tests.fuzz import live
from tests.fuzz.runs import Run, keep
from tests.fuzz.targets import TARGETS

EXAMPLES = 200


class Bursts(threading.Thread):
    """Talks to a live daemon, which mostly means waiting for it, beside the other targets."""

    def __init__(self, seed: int, deadline: float) -> None:
        super().__init__(name="live")
        self._seed = seed
        self._deadline = deadline
        self.messages = 0
        self.fault = ""

    def run(self) -> None:
        with live.running() as daemon:
            while time.monotonic() < self._deadline and not self.fault:
                number, self.fault = live.burst(daemon, self._seed + self.messages)
                self.messages += number


def main() -> int:
    names = [*(target.name for target in TARGETS), live.NAME]
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600, help="the default is %(default)s")
    parser.add_argument("--seed", type=int, help="repeats a run, as far as its time goes")
    parser.add_argument("--only", metavar="TARGET", choices=names, action="append", help=", ".join(names))
    parser.add_argument(
        "--grow",
        type=int,
        default=0,
        metavar="N",
        help="keep N inputs that reached something new",
    )
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    wanted = options.only or names
    runs = [Run(target, seed) for target in TARGETS if target.name in wanted]
    findings: list[str] = []
    logging.disable()
    print(f"fuzzing for {options.seconds:g} s, seed {seed}", flush=True)
    deadline = time.monotonic() + options.seconds
    bursts = Bursts(seed, deadline)
    if live.NAME in wanted:
        bursts.start()
    while time.monotonic() < deadline:
        for run in runs:
            run.go_on(EXAMPLES)
        if not runs:
            bursts.join()
    if bursts.ident is not None:
        bursts.join()
        findings += [f"{live.NAME}: {bursts.fault}"] if bursts.fault else []
    for run in runs:
        if run.error is not None and run.found is not None:
            findings.append(keep(run.target, run.found))
            traceback.print_exception(run.error, limit=-8)
        for data in run.reached[: options.grow]:
            keep(run.target, data)
    executions = {run.target.name: run.executions for run in runs} | {live.NAME: bursts.messages}
    total = sum(executions.values())
    print(
        json.dumps({"seed": seed, "executions": executions, "total": total, "findings": findings}, indent=2)
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
