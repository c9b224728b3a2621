"""How much memory is free, looked at on the way of new work and never by itself. Known on Linux only.

What counts is the least of what the machine has available and of what each control group around the daemon
still allows; file caches count as free.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

LOOK_S: Final = 1.0
"""Between two looks while work comes in."""
LOOK_BYTES: Final = 4 << 20
"""Or after so much of it."""
MESSAGE_BYTES: Final = 400
"""What a message takes besides its body."""

MEMINFO: Final = Path("/proc/meminfo")
MEMBERSHIP: Final = Path("/proc/self/cgroup")
GROUPS: Final = Path("/sys/fs/cgroup")

_AVAILABLE = re.compile(r"^MemAvailable:\s+([0-9]+) kB$", re.MULTILINE)
_CACHE = re.compile(r"^(?:in)?active_file ([0-9]+)$", re.MULTILINE)

_logger = logging.getLogger("tsipcd.memory")


class Memory:
    """Tells when less than `reserve_bytes` is free (0: never), and when there is more again."""

    def __init__(
        self,
        reserve_bytes: int,
        on_low: Callable[[bool], None],
        *,
        free: Callable[[], int | None] | None = None,
    ) -> None:
        self._reserve_bytes = reserve_bytes
        self._on_low = on_low
        self._free = free or free_bytes
        self._is_low = False
        self._looked_at = 0.0
        self._since = 0

    def before(self, body_bytes: int) -> None:
        """Work with a body of this size is about to be asked for."""
        self._since += body_bytes + MESSAGE_BYTES
        now = time.monotonic()
        if now - self._looked_at >= LOOK_S or (self._since >= LOOK_BYTES and not self._is_low):
            self._looked_at = now
            self._since = 0
            self._look()

    def _look(self) -> None:
        if not self._reserve_bytes:
            return
        free = self._free()
        is_low = free is not None and free < self._reserve_bytes
        if is_low != self._is_low:
            self._is_low = is_low
            _logger.warning(
                "%s bytes of memory are free: new work is %s", free, "refused" if is_low else "taken"
            )
            self._on_low(is_low)


def free_bytes(meminfo: Path = MEMINFO, membership: Path = MEMBERSHIP, groups: Path = GROUPS) -> int | None:
    """What can still be allocated; None: it cannot be known here."""
    found = _AVAILABLE.search(_text(meminfo))
    known = [int(found[1]) << 10] if found is not None else []
    return min([*known, *_allowed(membership, groups)], default=None)


def _allowed(membership: Path, groups: Path) -> Iterator[int]:
    """What each control group (version 2) from ours up to the root leaves."""
    own = next((line[3:] for line in _text(membership).splitlines() if line.startswith("0::")), "/")
    folder = groups / own.strip("/")
    for group in (folder, *folder.parents):
        limit, current = _text(group / "memory.max").strip(), _text(group / "memory.current").strip()
        if limit.isdecimal() and current.isdecimal():
            cache = sum(map(int, _CACHE.findall(_text(group / "memory.stat"))))
            yield max(int(limit) - int(current) + cache, 0)
        if group == groups:
            return


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
