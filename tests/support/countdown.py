"""Kills this process at its k-th system call on files, by SIGKILL: a point of death that can be repeated."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable

CALLS = (
    "pwrite",
    "write",
    "fdatasync",
    "fsync",
    "rename",
    "unlink",
    "ftruncate",
    "posix_fallocate",
    "open",
    "mkdir",
)


class Countdown:
    """Kills this process when as many calls were made as it was given; 0: never."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self._lock = threading.Lock()

    def set(self, calls: int) -> None:
        """Count anew, from now on."""
        with self._lock:
            self._left = calls

    def watch(self, names: Iterable[str] = CALLS) -> None:
        """Count the calls of these functions of `os`, once each."""
        for name in names:
            self._watch(name)

    def _watch(self, name: str) -> None:
        real: Callable[..., object] = getattr(os, name)

        def watched(*arguments: object, **options: object) -> object:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    if name == "pwrite":  # half of it arrives
                        fd, data, offset = arguments
                        real(fd, data[: len(data) // 2], offset)  # type: ignore[index, arg-type]
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, name, watched)
