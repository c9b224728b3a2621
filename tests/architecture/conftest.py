"""The source tree, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the two packages; `name` is dotted, a package's own file has the package's name."""

    name: str
    path: Path
    lines: int
    tree: ast.Module

    @property
    def imports(self) -> frozenset[str]:
        """Dotted names of all it imports, wherever in the file; `from a import b` counts as `a.b`."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{self.path}:{node.lineno}: a relative import hides where it goes"
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
        return frozenset(names)


@pytest.fixture(scope="session")
def modules() -> tuple[Module, ...]:
    """Every module of both packages."""
    paths = [path for package in ("tsipc_client", "tsipcd") for path in (ROOT / package).rglob("*.py")]
    return tuple(_parse(path) for path in sorted(paths))


def _parse(path: Path) -> Module:
    text = path.read_text()
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, len(text.splitlines()), ast.parse(text))
