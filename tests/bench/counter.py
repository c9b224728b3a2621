"""Counts what Python executes: calls and bytecode instructions of each function. Same work, same counts.

What C does is not seen (a slower regular expression, a system call more): the timed rows show that. As a
script, `counter.py OUT WORD ...`, it counts `ts-ipc WORD ...` in its own process, imports included, and
writes JSON to OUT; therefore it imports nothing that `ts-ipc` might.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any, Self

    from _typeshed import TraceFunction

Counts = dict[str, tuple[int, int]]
"""Function -> how often it was called, and how many instructions it executed itself."""

FOREIGN = ("importlib", "_frozen_importlib", "tests", "_pytest", "pytest", "__main__")
"""How many places Python searches for a module, and what drives the work, is not what is counted."""


class Counter:
    """`with Counter() as counter: work()`, then `counter.counts`. For one thread."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[CodeType, str, list[int]] | None] = {}
        self._old: TraceFunction | None = None

    def __enter__(self) -> Self:
        self._old = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._old)

    @property
    def counts(self) -> Counts:
        """What was counted so far; functions of one name together."""
        found: Counts = {}
        for known in self._seen.values():
            if known is not None:
                _, name, (calls, steps) = known
                before = found.get(name, (0, 0))
                found[name] = (before[0] + calls, before[1] + steps)
        return found

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        code = frame.f_code
        # By identity: a code object's hash walks through all of it.
        if id(code) in self._seen:
            known = self._seen[id(code)]
        else:
            known = self._seen[id(code)] = self._name(frame, code)
        if known is None:
            return None
        count = known[2]
        count[0] += 1
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True

        def step(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
            if event == "opcode":
                count[1] += 1
            return step

        return step

    @staticmethod
    def _name(frame: FrameType, code: CodeType) -> tuple[CodeType, str, list[int]] | None:
        module = frame.f_globals.get("__name__") or "?"
        if module.partition(".")[0] in FOREIGN:
            return None
        return code, f"{module}:{code.co_qualname}", [0, 0]


def main() -> None:
    """Count one `ts-ipc` in this process."""
    out = sys.argv.pop(1)
    with Counter() as counter:
        from tsipc_client.__main__ import main as run  # noqa: PLC0415 (its import is counted)

        status = run()
    import json  # noqa: PLC0415 (after the count)
    from pathlib import Path  # noqa: PLC0415

    Path(out).write_text(json.dumps(counter.counts))
    sys.exit(status)


if __name__ == "__main__":
    main()
