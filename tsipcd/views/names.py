"""What the neighbouring tools know about names: aliases, labelled sessions, folders of tmux sockets.

Their files stand in the folder that holds ours (`~/.config/ts/` beside `~/.config/ts/ipc/`). They are not
ours: they are only read, links in them are followed, and a bad one counts as absent, with a warning. They
decide where commands go, so a file that somebody else may write counts as bad.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ALIASES = "aliases.json"
SETTINGS = "config.json"
LABELS = "state/session_labels.json"

_MAX_BYTES = 4 << 20
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_logger = logging.getLogger("tsipcd.views")
_T = TypeVar("_T")

Signature = tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class Names:
    """What the files say; empty where there is none."""

    aliases: dict[str, str] = field(default_factory=dict)
    """Short name to full name."""
    labelled: tuple[str, ...] = ()
    """Sessions that have labels, sorted."""
    socket_dirs: tuple[str, ...] = ()
    """Folders with one tmux socket for each session."""


class _Misshapen(ValueError):
    """A neighbour's file is not as it should be."""


class Neighbours:
    """The files in the folder `path`."""

    def __init__(self, path: str) -> None:
        folder = Path(path)
        self._paths = tuple(str(folder / name) for name in (ALIASES, LABELS, SETTINGS))
        self._signatures: tuple[Signature, ...] | None = None

    def changed(self) -> bool:
        """Whether a file differs from what was last read: three `stat`s."""
        return self._signatures != self._look()

    def read(self) -> Names:
        """What the files say now. Blocks; raises nothing."""
        self._signatures = self._look()
        aliases, labels, settings = self._paths
        return Names(
            aliases=_read(aliases, _aliases, {}),
            labelled=_read(labels, _labelled, ()),
            socket_dirs=_read(settings, _socket_dirs, ()),
        )

    def _look(self) -> tuple[Signature, ...]:
        return tuple(_signature(path) for path in self._paths)


def _read(path: str, shape: Callable[[object], _T], absent: _T) -> _T:
    try:
        document = json.loads(_content(path))
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no name
        return shape(document)
    except FileNotFoundError:
        return absent
    except (OSError, ValueError, RecursionError) as exc:
        _logger.warning("%s is not used: %s", path, exc)
        return absent


def _signature(path: str) -> Signature:
    try:
        found = os.stat(path)  # noqa: PTH116 - on the hot path
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size)


def _content(path: str) -> bytes:
    """The file's bytes. Raises `OSError`, or `_Misshapen` for a file that is not to be trusted."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise _Misshapen("it is no regular file")
        if found.st_uid not in (os.geteuid(), 0) or found.st_mode & _OTHERS_WRITE:
            raise _Misshapen("another user may write it")
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise _Misshapen(f"it is larger than {_MAX_BYTES} bytes")
    return data


def _aliases(document: object) -> dict[str, str]:
    aliases = _table(document, "aliases")
    if not all(isinstance(full, str) and short and full for short, full in aliases.items()):
        raise _Misshapen('"aliases" is no table of short to full names')
    return aliases


def _labelled(document: object) -> tuple[str, ...]:
    sessions = _table(document, "sessions")
    return tuple(
        sorted(name for name, entry in sessions.items() if isinstance(entry, dict) and entry.get("labels"))
    )


def _socket_dirs(document: object) -> tuple[str, ...]:
    socket_dir = _object(document, "it").get("socket_dir")
    if socket_dir is None:
        return ()
    if not isinstance(socket_dir, str):
        raise _Misshapen('"socket_dir" is no text')
    return (absolute(socket_dir),)


def absolute(path: str) -> str:
    """`path` with `~` and `$VARIABLES` replaced. Raises `ValueError` if that gives no absolute path."""
    expanded = os.path.expandvars(path)
    with contextlib.suppress(RuntimeError):  # no such user
        expanded = str(Path(expanded).expanduser())
    if not Path(expanded).is_absolute():
        raise _Misshapen(f"must lead to an absolute path, {path} does not")
    return expanded


def _table(document: object, key: str) -> dict[str, Any]:
    """The object under `key`; a file without it has an empty one."""
    return _object(_object(document, "it").get(key, {}), f'"{key}"')


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Misshapen(f"{what} is no object")
    return value
