"""SECURITY.md promises nothing without a test."""

from __future__ import annotations

import re

from tests.support.daemon import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise")]


def named_in(row: str) -> list[str]:
    return re.findall(r"`((?:tests/\w+/)?test_\w+\.py(?:::test_\w+)?)`", row.rpartition(" | ")[2])


def test_each_promise_names_its_tests() -> None:
    """And they are there."""
    assert len(ROWS) > 20
    for row in ROWS:
        named = named_in(row)
        assert named, row
        for test in named:
            path, _, name = test.partition("::")
            file = ROOT / (path if path.startswith("tests/") else f"tests/security/{path}")
            assert file.is_file(), test
            assert not name or re.search(rf"^(async )?def {name}\(", file.read_text(), re.MULTILINE), test


def test_each_test_of_the_folder_is_behind_a_promise() -> None:
    """A file of tests that no promise leads to would be one that nobody knows of."""
    files = {path.name for path in (ROOT / "tests/security").glob("test_*.py")}
    assert {test.partition("::")[0] for row in ROWS for test in named_in(row)} >= files
