"""Free memory: read as the kernel tells it, and looked at rarely."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tsipcd import memory
from tsipcd.memory import LOOK_BYTES, Memory, free_bytes

MIB = 1 << 20


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A machine with 100 MiB available, and our control group two levels down; no limits yet."""
    (tmp_path / "meminfo").write_text("MemTotal: 999999 kB\nMemFree: 1 kB\nMemAvailable:  102400 kB\n")
    (tmp_path / "cgroup").write_text("4:memory:/other\n0::/user/app\n")
    group(tmp_path, "user/app", "max", 5)
    return tmp_path


def group(kernel: Path, name: str, limit: int | str, current: int, cache: int = 0) -> None:
    folder = kernel / "groups" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.stat").write_text(f"anon 7\nfile 9\ninactive_file {cache}\nactive_file {cache}\n")


def free(kernel: Path) -> int | None:
    return free_bytes(kernel / "meminfo", kernel / "cgroup", kernel / "groups")


def test_without_limits_it_is_what_the_machine_has(kernel: Path) -> None:
    """A group without a limit allows anything."""
    assert free(kernel) == 100 * MIB


def test_a_limit_of_our_group_or_of_one_above_counts(kernel: Path) -> None:
    """The least of them; file caches are given back when they are needed."""
    group(kernel, "user", 50 * MIB, 30 * MIB)
    assert free(kernel) == 20 * MIB
    group(kernel, "user/app", 40 * MIB, 35 * MIB, cache=2 * MIB)
    assert free(kernel) == 9 * MIB
    group(kernel, "", 5 * MIB, 9 * MIB)
    assert free(kernel) == 0


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path) -> None:
    """No guess is made, and nothing is refused for it."""
    assert free(tmp_path) is None
    told: list[bool] = []
    Memory(1 << 60, told.append, free=lambda: None).before(0)
    assert told == []


def test_this_machine_has_memory() -> None:
    """The real files of a Linux machine are understood."""
    if not memory.MEMINFO.exists():
        pytest.skip("no /proc/meminfo")
    found = free_bytes()
    assert found is not None
    assert found > MIB


def test_it_is_looked_at_after_a_second_or_a_lot_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each message; and told only when it changed."""
    clock, looks, have = [100.0], [0], [10 * MIB]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def look() -> int:
        looks[0] += 1
        return have[0]

    told: list[bool] = []
    watched = Memory(MIB, told.append, free=look)
    for _ in range(1000):
        watched.before(100)
    assert looks == [1]
    watched.before(LOOK_BYTES)
    assert looks == [2]
    have[0] = MIB - 1
    clock[0] += 1
    watched.before(100)
    assert told == [True]
    for _ in range(10):
        watched.before(LOOK_BYTES)  # refused, so it takes no memory
    assert looks == [3]
    have[0] = MIB
    clock[0] += 1
    watched.before(100)
    assert told == [True, False]


def test_a_reserve_of_nothing_never_looks() -> None:
    """The way to switch it off."""

    def look() -> int:
        raise AssertionError("looked")

    Memory(0, lambda _: None, free=look).before(LOOK_BYTES)
