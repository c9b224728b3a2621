"""Habits that no linter knows: length, names, broad excepts, and nothing that happens at import."""

from __future__ import annotations

import ast

from tests.architecture.conftest import ROOT, Module

LONGEST, LONGEST_TEST = 400, 500
NO_NOUN = frozenset(
    {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "service", "handler"}
)
LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
BROAD = frozenset({"Exception", "BaseException"})


def test_no_module_is_longer_than_the_limit(modules: tuple[Module, ...]) -> None:
    """A file that outgrows the limit holds more than one noun."""
    tests = [(path, len(path.read_text().splitlines())) for path in (ROOT / "tests").rglob("*.py")]
    ours = [(module.path, module.lines) for module in modules]
    assert [f"{path}: {lines}" for path, lines in ours if lines > LONGEST] == []
    assert [f"{path}: {lines}" for path, lines in tests if lines > LONGEST_TEST] == []


def test_a_module_is_named_after_what_it_is(modules: tuple[Module, ...]) -> None:
    """No module's name says only that something is in it."""
    assert [module.name for module in modules if NO_NOUN & set(module.path.stem.split("_"))] == []


def test_a_broad_except_logs_or_raises(modules: tuple[Module, ...]) -> None:
    """Whoever catches everything writes down what it was, or lets it go on."""
    silent = [
        f"{module.path}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _speaks(node)
    ]
    assert silent == []


def test_importing_calls_nothing(modules: tuple[Module, ...]) -> None:
    """A module's own level defines things; a call there, kept for its effect, would happen at import."""
    calls = [
        f"{module.path}:{node.lineno}"
        for module in modules
        for node in module.tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert calls == []


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in BROAD for name in names)


def _speaks(handler: ast.ExceptHandler) -> bool:
    return any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGGING)
        for node in ast.walk(handler)
    )
