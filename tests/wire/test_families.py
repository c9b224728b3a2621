"""The package of the messages gives each name from its family, and loads no other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tsipc_client.wire import messages as m

HERE = Path(m.__file__).parent


def defined(family: str) -> set[str]:
    """The public names that the module defines."""
    names: set[str] = set()
    for node in ast.parse((HERE / f"{family}.py").read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def test_every_module_is_a_family() -> None:
    """None is left out."""
    assert {path.stem for path in HERE.glob("*.py")} == {"__init__", *m.FAMILIES}


@pytest.mark.parametrize("family", m.FAMILIES)
def test_the_package_gives_every_name_of_a_family(family: str) -> None:
    """What a module defines is listed, and what is listed is there."""
    assert set(m.FAMILIES[family]) == defined(family)
    assert [name for name in m.FAMILIES[family] if not hasattr(m, name)] == []


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="Sned"):
        _ = m.Sned  # type: ignore[attr-defined]


def test_a_script_that_sends_loads_no_other_family() -> None:
    """Nor do the client and what it needs."""
    script = (
        "import sys; from tsipc_client import Client; from tsipc_client.wire import messages as m\n"
        "m.Send(source='a', target='b', message='c')\n"
        "print(*sorted(name for name in m.FAMILIES if f'{m.__name__}.{name}' in sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert printed.stdout.split() == ["limits", "sending", "words"]
