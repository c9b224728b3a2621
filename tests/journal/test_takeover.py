"""An upgrade: from the first start of a newer version on, an older one refuses what it cannot know."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.journal.conftest import numbered, open_journal, put_segment, replay, segment, texts
from tsipcd.journal import layout
from tsipcd.journal.errors import Newer


@pytest.mark.parametrize("full", [False, True], ids=["room", "full disk"])
async def test_the_last_segment_gets_the_new_heading(
    path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    """Written anew or, on a full disk, gone on with: newer facts never stand under an older heading."""
    put_segment(path, 1, segment(1, texts(2), zeros=4096))
    with monkeypatch.context() as newer:
        newer.setattr(layout, "NEEDS", (1, 4, 0))
        if full:
            newer.setattr(os, "posix_fallocate", _no_room)
        journal = open_journal(path)
        await journal.append([b"newer"])
        await journal.close()
        assert replay(path)[1] == numbered([*texts(2), [b"newer"]])
    before = contents(path)
    with pytest.raises(Newer, match=r"version 1\.4\.0 or later"):
        replay(path)
    assert contents(path) == before


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def _no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
