"""Installing it the three ways people do, into places of their own, and starting what was installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import UV, run
from tsipc_client.wire.version import VERSION

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def by_pip(wheel: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", wheel)
    return folder / "bin"


def by_uv(wheel: Path, folder: Path) -> Path:
    run(*UV, "venv", "--quiet", "--python", sys.executable, folder)
    run(*UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin/python", wheel)
    return folder / "bin"


def by_pipx(wheel: Path, folder: Path) -> Path:
    if shutil.which("pipx") is None:
        pytest.skip("pipx is not installed")
    places = {"PIPX_HOME": str(folder), "PIPX_BIN_DIR": str(folder / "scripts")}
    run("pipx", "install", "--python", sys.executable, wheel, environment={**os.environ, **places})
    assert (folder / "scripts/ts-ipc").exists()
    return folder / "venvs/ts-ipc/bin"


@pytest.mark.parametrize("installer", [by_pip, by_uv, by_pipx])
def test_an_installed_package_starts(installer: object, wheel: Path, tmp_path: Path) -> None:
    """Both scripts and both modules start from a fresh install and say who they are."""
    assert callable(installer)
    scripts = installer(wheel, tmp_path / "place")
    version = VERSION
    python = scripts / "python"
    assert version in run(scripts / "ts-ipc", "--version")
    assert version in run(python, "-P", "-m", "tsipc_client", "--version")
    assert "tsipcd" in run(scripts / "tsipcd", "--help")
    assert "tsipcd" in run(python, "-P", "-m", "tsipcd", "--help")


def test_the_installed_client_does_not_load_the_daemon(wheel: Path, tmp_path: Path) -> None:
    """`import tsipc_client` works, and pays for neither asyncio nor msgspec nor the daemon."""
    scripts = by_uv(wheel, tmp_path / "place")
    seen = run(
        scripts / "python",
        "-P",
        "-c",
        "import sys, tsipc_client; print(*sorted(m.split('.')[0] for m in sys.modules))",
    ).split()
    assert "tsipc_client" in seen
    assert not {"tsipcd", "msgspec", "asyncio", "typer"} & set(seen)
