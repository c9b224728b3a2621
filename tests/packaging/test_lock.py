"""requirements.lock: one version, with hashes, of everything that development and CI install."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement

from tests.support.daemon import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
ENTRIES = [entry.replace("\\\n", " ") for entry in re.split(r"\n(?=[a-z0-9])", LOCK) if entry[:1].isalnum()]


def pinned() -> dict[str, Requirement]:
    """Each package of the lock as it is asked for there."""
    found = [Requirement(entry.partition(" --hash")[0].strip()) for entry in ENTRIES]
    return {requirement.name.lower(): requirement for requirement in found}


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for, for use and for development."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [
        Requirement(text)
        for text in (*document["project"]["dependencies"], *document["dependency-groups"]["dev"])
    ]


def test_the_lock_has_what_the_project_asks_for() -> None:
    """After a change in pyproject.toml: scripts/lock."""
    locked = pinned()
    for requirement in wanted():
        (version,) = [str(part) for part in locked[requirement.name.lower()].specifier]
        assert version.startswith("==")
        assert requirement.specifier.contains(version.removeprefix("==")), f"{requirement}: run scripts/lock"


def test_every_file_is_known_by_its_hash() -> None:
    """A mirror or a thief of an account cannot put in another one."""
    assert len(ENTRIES) > len(wanted())
    assert [entry for entry in ENTRIES if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_the_lock_names_no_host() -> None:
    """Where packages come from is the affair of each machine."""
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_set_up_installs_from_the_lock() -> None:
    """And by its hashes only."""
    assert "--require-hashes -r requirements.lock" in (ROOT / "scripts/setup").read_text()
