"""Sockets that come and go are noticed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tsipcd.tmux import watch as module
from tsipcd.tmux.watch import FolderWatch


class Bell:
    """Rings when called; can be waited for."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def __call__(self) -> None:
        self._rung.set()

    async def heard(self) -> None:
        async with asyncio.timeout(5):
            await self._rung.wait()
        await asyncio.sleep(0)
        self._rung.clear()


async def hears(bell: Bell, action: Callable[[], object]) -> None:
    action()
    await bell.heard()


async def test_it_is_told_what_comes_and_goes(home: Path) -> None:
    """In a folder that is there."""
    bell = Bell()
    watch = FolderWatch(lambda: [home], bell)
    watch.start()
    await bell.heard()
    await hears(bell, (home / "s").touch)
    await hears(bell, (home / "s").unlink)
    watch.stop()
    assert not watch.is_on


@pytest.mark.skipif(sys.platform != "linux", reason="needs inotify")
async def test_a_missing_folder_is_awaited_step_by_step(home: Path) -> None:
    """Its parents may be missing too, and it may go and come again."""
    bell = Bell()
    folder = home / "a" / "b"
    watch = FolderWatch(lambda: [folder], bell)
    watch.start()
    await bell.heard()
    for _ in range(2):
        await hears(bell, (home / "a").mkdir)
        await hears(bell, folder.mkdir)
        await hears(bell, (folder / "s").touch)
        await hears(bell, (folder / "s").unlink)
        await hears(bell, folder.rmdir)
        await hears(bell, (home / "a").rmdir)
    watch.stop()


async def test_without_inotify_it_looks_now_and_then(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is asked to look, every few seconds, while the watch is on."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    bell = Bell()
    watch = FolderWatch(lambda: [home], bell)
    monkeypatch.setattr(watch, "_follow", watch._look)
    watch.start()
    await bell.heard()
    await bell.heard()
    watch.stop()
