"""`sampled.py OUT PYTHON -m MODULE`: that module in this process, looked at every millisecond of its work.

Its main thread's stack, where the loop is. Time in C counts for the function that called it. When the module
ends, OUT gets JSON: how many samples there were, and for each function in how many it ran itself and in how
many it was on the stack.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.001


class Samples:
    """What was seen."""

    def __init__(self) -> None:
        self.count = 0
        self.own: Counter[str] = Counter()
        self.total: Counter[str] = Counter()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        """Look at the stack."""
        self.count += 1
        innermost = True
        on_stack = set()
        while frame is not None:
            name = f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}"
            if innermost:
                self.own[name] += 1
                innermost = False
            on_stack.add(name)
            frame = frame.f_back
        self.total.update(on_stack)


def main() -> None:
    """Run it. Whatever it took until it served is sampled as well."""
    _, out, _python, _dash_m, module, *words = sys.argv
    sys.argv = [module, *words]
    samples = Samples()
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        document = {"samples": samples.count, "own": samples.own, "total": samples.total}
        Path(out).write_text(json.dumps(document))


if __name__ == "__main__":
    main()
