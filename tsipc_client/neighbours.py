"""Labels and aliases: the neighbouring tools' files, read and changed as these tools do.

    state/session_labels.json   {"sessions": {NAME: {"labels": [...], ...}}, ...}
    aliases.json                {"aliases": {SHORT: FULL NAME}, ...}

They stand in the folder that holds the state folder. What else is in them stays as it is. A file that is not
of this form is an error, and is never overwritten. The daemon notices changes by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tsipc_client.wire.address import state_path
from tsipc_client.wire.errors import BadInput, ErrorCode, Refused
from tsipc_client.wire.messages import MAX_NAME_BYTES
from tsipc_client.wire.text import is_safe, visible

LABELS: Final = "state/session_labels.json"
ALIASES: Final = "aliases.json"

Document = dict[str, Any]


class Neighbours:
    """The files in `folder`."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = Path(state_path()).parent if folder is None else Path(folder)

    # ── labels ────────────────────────────────────────────────────────────────────────────────────────────

    def labels(self) -> dict[str, tuple[str, ...]]:
        """Of each session that has some, sorted by its name."""
        _, sessions = self._read(LABELS, "sessions")
        found = {name: _labels_of(entry) for name, entry in sessions.items()}
        return {name: found[name] for name in sorted(found) if found[name]}

    def set_labels(
        self, session: str, labels: tuple[str, ...], *, add: bool = False, remove: bool = False
    ) -> tuple[str, ...]:
        """The session has these labels, or these more, or these no longer; what it has then, durable."""
        for label in labels:
            _check("label", label)
        session = self.full_name(session)
        _check("session", session)
        with self._changing(LABELS, "sessions") as sessions:
            entry = sessions.setdefault(session, {})
            if not isinstance(entry, dict):
                raise self._misshapen(LABELS, f"{session!r} is no object")
            old = _labels_of(entry)
            if remove:
                new = tuple(label for label in old if label not in labels)
            else:
                new = tuple(dict.fromkeys((*old, *labels) if add else labels))
            entry["labels"] = list(new)
            if set(entry) == {"labels"} and not new:
                del sessions[session]
        return new

    # ── aliases ───────────────────────────────────────────────────────────────────────────────────────────

    def aliases(self) -> dict[str, str]:
        """Short names and what they stand for, sorted."""
        _, aliases = self._read(ALIASES, "aliases")
        return {short: full for short, full in sorted(aliases.items()) if isinstance(full, str)}

    def full_name(self, name: str) -> str:
        """What `name` stands for; itself if it is no alias."""
        return self.aliases().get(name, name)

    def set_alias(self, short: str, full: str) -> None:
        """`short` stands for `full`, durable; an empty `full` takes the alias away."""
        _check("alias", short)
        if full:
            _check("session", full)
        with self._changing(ALIASES, "aliases") as aliases:
            if not full and short not in aliases:
                raise BadInput(ErrorCode.UNKNOWN_ID, f"there is no alias {short!r}", hint="see: ts-ipc alias")
            if full:
                aliases[short] = full
            else:
                del aliases[short]

    # ── the files ─────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, name: str, key: str) -> tuple[Document, Document]:
        """The whole document, and the table under `key` in it."""
        try:
            document = json.loads((self._folder / name).read_bytes())
        except FileNotFoundError:
            document = {}
        except (OSError, ValueError, RecursionError) as error:
            raise self._misshapen(name, str(error)) from error
        if not isinstance(document, dict):
            raise self._misshapen(name, "it is no object")
        table = document.setdefault(key, {})
        if not isinstance(table, dict):
            raise self._misshapen(name, f'"{key}" is no object')
        return document, table

    @contextlib.contextmanager
    def _changing(self, name: str, key: str) -> Iterator[Document]:
        """The table under `key`; what it is at the end replaces the file. One of us at a time."""
        # A file that is a link stays one: what it leads to is replaced.
        path = Path(os.path.realpath(self._folder / name))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._misshapen(name, str(error.strerror)) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            document, table = self._read(name, key)
            yield table
            _replace(path, json.dumps(document, ensure_ascii=False, indent=2) + "\n", held)
        except OSError as error:
            raise self._misshapen(name, str(error.strerror)) from error
        finally:
            os.close(held)

    def _misshapen(self, name: str, why: str) -> Refused:
        return Refused(
            ErrorCode.BAD_FILE, f"{self._folder / name}: {why}", hint="nothing was changed; mend or remove it"
        )


def _labels_of(entry: object) -> tuple[str, ...]:
    labels = entry.get("labels") if isinstance(entry, dict) else None
    return tuple(label for label in labels if isinstance(label, str)) if isinstance(labels, list) else ()


def _check(what: str, name: str) -> None:
    if not name or len(name.encode()) > MAX_NAME_BYTES or not all(is_safe(char) for char in name):
        raise BadInput(ErrorCode.BAD_PARAMS, f"{visible(name)!r} can be no {what}")
    if what == "label" and any(char.isspace() or char in ",@*" for char in name):
        raise BadInput(
            ErrorCode.BAD_PARAMS,
            f"{name!r} can be no label",
            hint="it has no blanks, commas, @ or *; several are written a,b",
        )


def _replace(path: Path, text: str, folder: int) -> None:
    """Durable on return; a reader sees the old file or the new one, which has the old one's mode."""
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = 0o600
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    os.fsync(folder)
