"""`ts-ipc fsck`: the daemon's own code looks at the journal, in a process of its own; its report is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tsipc_client
from tsipc_client.cli import screen
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.render.json_text import encode
from tsipc_client.render.report import journal
from tsipc_client.wire.address import state_directory
from tsipc_client.wire.errors import Broken, ErrorCode, Refused, TimedOut

_WHOLE = frozenset({"whole", "empty"})
_JSON_INDENT = 2


def fsck(options: Options, *, salvage: bool, sure: bool) -> int:
    """The journal was looked at, or salvaged; the exit status says whether it is whole."""
    directory = state_directory()
    document = look(directory, timeout_s=options.timeout_s)
    if salvage and document["verdict"] not in _WHOLE:
        if not sure and _is_interactive():
            _show(document, options)
            if not _agreed():
                return ExitStatus.DAMAGED
        document = look(directory, salvage=True, timeout_s=options.timeout_s)
    _show(document, options)
    return ExitStatus.OK if document["verdict"] in _WHOLE else ExitStatus.DAMAGED


def look(directory: Path, *, salvage: bool = False, timeout_s: float | None = None) -> dict[str, Any]:
    """The report of `tsipcd.fsck`. Raises `Refused` if a daemon runs, `Broken` if it cannot be read."""
    command = [sys.executable, "-m", "tsipcd.fsck", str(directory), *(["--salvage"] if salvage else [])]
    try:
        done = subprocess.run(
            command,
            # Beside this package lies the daemon that belongs to it, installed or not.
            cwd=Path(tsipc_client.__file__).parent.parent,
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise TimedOut(
            ErrorCode.TIMED_OUT, f"the journal was not read within {timeout_s:g} s", hint="see --timeout"
        ) from expired
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError as exc:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Broken(
            ErrorCode.INTERNAL, f"the check of the journal failed: {last}", hint="is tsipcd installed?"
        ) from exc
    if "error" in document:
        error = document["error"]
        kind = Broken if error["kind"] == "unreadable" else Refused
        code = ErrorCode.INTERNAL if error["kind"] == "unreadable" else ErrorCode.NOT_ALLOWED
        raise kind(code, error["message"], hint=error["hint"])
    return document


def _show(document: dict[str, Any], options: Options) -> None:
    if options.json:
        indent = _JSON_INDENT if screen.is_terminal(sys.stdout) else None
        screen.put([encode(document, indent=indent)])
    else:
        screen.put(journal(document, screen.style_of(sys.stdout)))


def _is_interactive() -> bool:
    return screen.is_terminal(sys.stdin) and screen.is_terminal(sys.stderr)


def _agreed() -> bool:
    sys.stderr.write("Copy the journal aside and cut off what is behind the damage? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
