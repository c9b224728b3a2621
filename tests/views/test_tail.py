"""The last lines of a log, across rotation, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsipcd.views import tail as module
from tsipcd.views.folder import Folder
from tsipcd.views.tail import tail

FILES = ["log", "log.1", "log.2"]


def write(state: Path, *texts: str) -> None:
    for name, text in zip(FILES, texts, strict=False):
        (state / name).write_text(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(st.lists(st.text(alphabet="a→ b", max_size=9), max_size=9), max_size=3),
    wanted=st.integers(0, 30),
    block=st.integers(1, 12),
)
def test_the_last_lines_come_oldest_first(
    state: Path, folder: Folder, texts: list[list[str]], wanted: int, block: int
) -> None:
    """Whatever the blocks cut through, and empty lines too."""
    for name in FILES:
        folder.remove(name)
    write(state, *("".join(f"{line}\n" for line in lines) for lines in texts))
    everything = [line for lines in reversed(texts) for line in lines]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_BYTES", block)
        assert tail(folder, FILES, wanted) == (everything[max(0, len(everything) - wanted) :], False)


def test_a_line_that_is_being_written_is_left_out(state: Path, folder: Folder) -> None:
    """It comes with the next look."""
    write(state, "one\ntwo\nthr")
    assert tail(folder, FILES, 10) == (["one", "two"], False)


def test_no_log_has_no_lines(folder: Folder) -> None:
    """It is no error."""
    assert tail(folder, FILES, 10) == ([], False)


def test_an_answer_is_bounded(state: Path, folder: Folder) -> None:
    """The newest that fit, and a word that there are more."""
    write(state, "".join(f"{number:099}\n" for number in range(30_000)))
    lines, cut = tail(folder, FILES, 1_000_000)
    assert cut
    assert lines[-1] == f"{29_999:099}"
    assert 800_000 < sum(map(len, lines)) < 900_000
    assert tail(folder, FILES, 100) == (lines[-100:], False)


def test_one_endless_line_is_cut(state: Path, folder: Folder) -> None:
    """A file that is no log of ours takes no more than its share."""
    write(state, "x" * 5_000_000 + "\nlast\n")
    assert tail(folder, FILES, 10) == (["last"], True)


def test_a_file_that_is_renamed_meanwhile_is_read_once(
    state: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotation between two looks does not repeat its lines."""
    write(state, "three\n", "one\ntwo\n")
    opened = Folder.open_reading

    def rotate_after(self: Folder, name: str) -> int | None:
        fd = opened(self, name)
        if name == "log":
            self.rename("log.1", "log.2")
            self.rename("log", "log.1")
        return fd

    monkeypatch.setattr(Folder, "open_reading", rotate_after)
    assert tail(folder, FILES, 10) == (["one", "two", "three"], False)


def test_planted_files_are_left_out(state: Path, folder: Folder, tmp_path: Path) -> None:
    """No link leads out of the folder; text that is not UTF-8 does not break the answer."""
    (tmp_path / "secret").write_text("secret\n")
    (state / "log").symlink_to(tmp_path / "secret")
    (state / "log.1").write_bytes(b"a\xff\n")
    assert tail(folder, FILES, 10) == (["a\ufffd"], False)
