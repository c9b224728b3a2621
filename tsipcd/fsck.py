"""The journal of a daemon that does not run, checked or salvaged: `python -m tsipcd.fsck FOLDER [--salvage]`.

Prints one JSON document and ends with 0 (whole), 1 (damaged) or 2 (it could not be looked at). `ts-ipc fsck`
runs it, with the daemon's own Python, and puts it into words. Without `--salvage` it changes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tsipcd import lock
from tsipcd.core.state import State
from tsipcd.daemon import JOURNAL
from tsipcd.journal import meaning
from tsipcd.journal.errors import JournalError
from tsipcd.journal.folder import Folder
from tsipcd.journal.fsck import Report, check, salvage
from tsipcd.journal.layout import Layout
from tsipcd.journal.leftovers import leftovers
from tsipcd.journal.reading import Apply

WHOLE, DAMAGED, NOT_LOOKED = 0, 1, 2

_STOP = "stop it: ts-ipc daemon stop (under systemd: systemctl --user stop ts-ipc.socket ts-ipc.service)"


class _Judge:
    """Remembers the state that the last reading came to."""

    def __init__(self) -> None:
        self.state = State()

    def __call__(self) -> Apply:
        state = self.state = State()

        def apply(_sequence: int, payload: bytes) -> None:
            meaning.apply(state, payload)

        return apply


def main(arguments: list[str]) -> int:
    """The process; its exit status."""
    parser = argparse.ArgumentParser(prog="tsipcd.fsck", description="See `ts-ipc fsck --help`.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--salvage", action="store_true")
    options = parser.parse_args(arguments)
    held = -1
    try:
        held = lock.hold(options.directory)
        document = look(options.directory, cut=options.salvage)
    except lock.AlreadyRunning as exc:
        return _fail("running", f"{exc}, so its journal cannot be looked at", _STOP)
    except JournalError as exc:
        return _fail("refused", str(exc), "")
    except OSError as exc:
        where = f"{exc.filename}: " if exc.filename else ""
        return _fail("unreadable", f"the journal cannot be read: {where}{exc.strerror}", "see to the folder")
    finally:
        if held >= 0:
            os.close(held)
    _print(document)
    return WHOLE if document["verdict"] in {"whole", "empty"} else DAMAGED


def look(directory: Path, *, cut: bool) -> dict[str, Any]:
    """The report, as `ts-ipc fsck --json` prints it. Raises `JournalError`, `OSError`."""
    path = directory / JOURNAL
    try:
        names = _names(path)
    except FileNotFoundError:
        return _document(path, Report(0, 0, 0, ""), State(), ())
    judge = _Judge()
    report = salvage(path, judge) if cut else check(path, judge)
    return _document(path, report, judge.state, _names(path) if cut else names)


def _document(path: Path, report: Report, state: State, names: tuple[str, ...]) -> dict[str, Any]:
    layout = Layout.of(names)
    verdict = (
        "newer" if report.newer else "damaged" if report.damage else "whole" if report.records else "empty"
    )
    damage = None
    if report.damage:
        damage = {
            "file": report.file,
            "offset": report.offset,
            "record": report.record,
            "reason": report.reason,
            "salvageable": report.salvageable,
        }
    return {
        "journal": str(path),
        "verdict": verdict,
        "records": report.records,
        "last_record": report.last_sequence,
        "messages": len(state.messages),
        "waiting": state.waiting,
        "in_doubt": state.in_doubt,
        "segments": len(layout.segments),
        "snapshots": len(layout.snapshots),
        "torn_bytes": report.torn_bytes,
        "damage": damage,
        "lost_records": report.lost_records,
        "lost_bytes": report.lost_bytes,
        "copy": report.copy,
        "leftovers": [asdict(leftover) for leftover in leftovers(path)] if path.is_dir() else [],
    }


def _names(path: Path) -> tuple[str, ...]:
    folder = Folder.existing(path)
    try:
        return tuple(folder.names())
    finally:
        folder.close()


def _fail(kind: str, message: str, hint: str) -> int:
    _print({"error": {"kind": kind, "message": message, "hint": hint}})
    return NOT_LOOKED


def _print(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
