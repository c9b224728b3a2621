from __future__ import annotations

from pathlib import Path

import pytest

from tests.journal.conftest import IDENTITY, open_journal, put_segment, segment, texts
from tests.journal.crashing import Latest
from tsipcd.journal.compact import compact
from tsipcd.journal.errors import Corrupt
from tsipcd.journal.identity import identity_of


def test_where_no_journal_is_there_is_no_identity(path: Path) -> None:
    """Neither a missing nor an empty folder has one, and none is made."""
    assert identity_of(path) == ""
    assert not path.exists()
    path.mkdir()
    assert identity_of(path) == ""


async def test_it_is_the_open_journals_own(path: Path) -> None:
    """What can be told before the replay is what the journal says afterwards."""
    journal = open_journal(path)
    assert identity_of(path) == journal.identity
    await journal.close()


def test_compaction_keeps_it(path: Path) -> None:
    """The identity outlives the files that it was first written in."""
    put_segment(path, 1, segment(1, texts(2)))
    put_segment(path, 3, segment(3, texts(1)))
    compact(path, 2, Latest())
    assert identity_of(path) == IDENTITY.hex()


def test_a_damaged_heading_tells_none(path: Path) -> None:
    """A heading with a wrong bit is refused."""
    put_segment(path, 1, b"X" + segment(1, texts(2))[1:])
    with pytest.raises(Corrupt):
        identity_of(path)
