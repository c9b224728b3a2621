"""What `import tsipc_client` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tsipc_client


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh Python has after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", tsipc_client.__all__)
def test_every_name_is_there(name: str) -> None:
    """Each exported name can be imported, and is listed."""
    value = getattr(tsipc_client, name)
    assert getattr(value, "__name__", name) == name
    assert name in dir(tsipc_client)


def test_another_name_is_not() -> None:
    """A slip is an AttributeError, as in any module."""
    with pytest.raises(AttributeError, match="Cleint"):
        _ = tsipc_client.Cleint


def test_importing_the_package_loads_nothing() -> None:
    """Only what is used is paid for."""
    loaded = {name for name in loaded_by("import tsipc_client") if name.startswith("tsipc_client")}
    assert loaded == {"tsipc_client"}


def test_the_address_costs_nothing() -> None:
    """What every command loads first brings nothing along but `os`."""
    bare = loaded_by("pass")
    extra = loaded_by("from tsipc_client.wire.address import state_path; state_path()") - bare
    allowed = {"__future__", "tsipc_client", "tsipc_client.wire", "tsipc_client.wire.address"}
    assert {name for name in extra if name not in allowed} == set()


def test_the_blocking_client_loads_no_event_loop() -> None:
    """Neither asyncio nor msgspec, pathlib or subprocess: each costs more than the rest of a command."""
    loaded = loaded_by("from tsipc_client import Client")
    assert not loaded & {"asyncio", "msgspec", "pathlib", "subprocess", "fcntl", "tsipcd", "json", "typer"}
