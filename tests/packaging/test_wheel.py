"""What is in the distribution."""

from __future__ import annotations

import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, UV, run
from tsipc_client.wire.version import VERSION

pytestmark = pytest.mark.xdist_group("packaging")


@pytest.fixture
def contents(wheel: Path) -> dict[str, str]:
    """Every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_wheel_holds_both_packages_typed_and_the_units(contents: dict[str, str]) -> None:
    """Type checkers find the markers, `daemon install` its units; they are the ones of the checkout."""
    assert {"tsipc_client/py.typed", "tsipcd/py.typed", "tsipcd/daemon.py"} <= contents.keys()
    for unit in ("ts-ipc.socket", "ts-ipc.service"):
        assert contents[f"tsipc_client/units/{unit}"] == (ROOT / "systemd" / unit).read_text()


def test_the_wheel_holds_nothing_else(contents: dict[str, str]) -> None:
    """No tests, caches or scripts of ours land in a user's site-packages."""
    tops = {name.split("/")[0] for name in contents if ".dist-info/" not in name}
    assert tops == {"tsipc_client", "tsipcd"}
    assert not [name for name in contents if name.endswith((".pyc", ".rej", ".orig")) or "/." in name]


def test_the_metadata_says_what_pyproject_says(contents: dict[str, str]) -> None:
    """Name, version, licence and scripts reach the index as declared."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    metadata = HeaderParser().parsestr(_file("METADATA", contents))
    assert (metadata["Name"], metadata["Version"]) == (project["name"], VERSION)
    assert metadata["License-Expression"] == "MIT"
    scripts = {
        "ts-ipc = tsipc_client.__main__:main",
        "tsipcd = tsipcd.__main__:main",
        "ts-bg = tsipc_client.cli.bg:main",
    }
    assert scripts <= set(_file("entry_points.txt", contents).splitlines())


def test_the_source_distribution_builds_the_same_wheel(contents: dict[str, str], tmp_path: Path) -> None:
    """Whoever installs from source gets what whoever installs the wheel gets."""
    run(*UV, "build", "--quiet", "--out-dir", tmp_path, ROOT)  # the wheel is built from the sdist
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {name for name in contents if ".dist-info/" not in name}


def _file(name: str, contents: dict[str, str]) -> str:
    (text,) = (text for path, text in contents.items() if path.endswith(f".dist-info/{name}"))
    return text
