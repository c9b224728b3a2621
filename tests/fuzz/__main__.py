"""Fuzzes every target in turn until the time is over; exits 1 if something was found. See `scripts/fuzz`."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
import traceback
from collections import Counter

from tests.fuzz import live
from tests.fuzz.runs import keep, run
from tests.fuzz.targets import TARGETS

EXAMPLES = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600)
    parser.add_argument("--seed", type=int, help="repeats a run, as far as its time goes")
    parser.add_argument("--only", choices=[*(target.name for target in TARGETS), live.NAME], action="append")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    targets = [target for target in TARGETS if not options.only or target.name in options.only]
    executions: Counter[str] = Counter()
    findings = []
    deadline = time.monotonic() + options.seconds
    print(f"fuzzing for {options.seconds:g} s, seed {seed}", flush=True)
    turn = 0
    with live.running() as daemon:
        while time.monotonic() < deadline:
            turn += 1
            for target in targets:
                outcome = run(target, seed + turn, EXAMPLES)
                executions[target.name] += outcome.executions
                if outcome.error is not None and outcome.found is not None:
                    findings.append(keep(target, outcome.found))
                    traceback.print_exception(outcome.error)
            if not options.only or live.NAME in options.only:
                number, fault = live.burst(daemon, seed + turn)
                executions[live.NAME] += number
                if fault:
                    findings.append(f"{live.NAME}, seed {seed + turn}: {fault}")
                    print(fault, flush=True)
    summary = {
        "seed": seed,
        "executions": dict(executions),
        "total": executions.total(),
        "findings": findings,
    }
    print(json.dumps(summary, indent=2))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
