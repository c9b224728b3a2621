"""Who may import whom.

wire <- workflows <- core <- {journal, tmux, server, views} <- runtime <- daemon, and wire <- client <- cli.
"""

from __future__ import annotations

import ast

import pytest

from tests.architecture.conftest import Module

WIRE, WORKFLOWS, CORE = "tsipc_client.wire", "tsipcd.workflows", "tsipcd.core"
EDGES = ("tsipcd.journal", "tsipcd.tmux", "tsipcd.server", "tsipcd.views")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    WIRE: (),
    "tsipc_client.cli": ("tsipc_client", WIRE),
    "tsipc_client": (WIRE,),
    WORKFLOWS: (WIRE,),
    CORE: (WIRE, WORKFLOWS),
    **dict.fromkeys(EDGES, (WIRE, WORKFLOWS, CORE)),
    "tsipcd": (WIRE, WORKFLOWS, CORE, *EDGES),
}
"""What each room may import of ours beside itself. A module's room is the longest of these names it fits."""

THE_DOOR = "tsipc_client.__main__"
"""The one module outside `cli` that may import it: what the script `ts-ipc` runs."""

PURE = frozenset(
    {
        "__future__",
        "bisect",
        "collections",
        "dataclasses",
        "decimal",
        "difflib",
        "enum",
        "fnmatch",
        "functools",
    }
    | {"hashlib", "heapq", "itertools", "json", "math", "msgspec", "operator", "re", "string", "types"}
    | {"typing", "unicodedata", "sys.intern", "yaml"}
)
"""What `core` and `workflows` may import from elsewhere: no clock, environment, I/O or chance."""

CALENDAR = {"tsipcd.workflows.schedule": frozenset({"cronsim", "datetime", "zoneinfo"})}
"""Who may know of days and zones as well; not of what time it is now."""

CLOCKS = frozenset({"now", "today", "utcnow"})

WORLD = frozenset({"open", "print", "input", "breakpoint", "exec", "eval"})


def room_of(name: str) -> str:
    """The room that `name` lies in; empty if it is not ours."""
    fits = [room for room in MAY_IMPORT if name == room or name.startswith(f"{room}.")]
    return max(fits, key=len, default="")


def test_rooms_import_only_in_the_agreed_direction(modules: tuple[Module, ...]) -> None:
    """No room imports one above it or beside it; the client never imports the daemon."""
    wrong = [
        f"{module.name} imports {name}"
        for module in modules
        if module.name != THE_DOOR
        for name in sorted(module.imports)
        if (room := room_of(name))
        and room != room_of(module.name)
        and room not in MAY_IMPORT[room_of(module.name)]
    ]
    assert wrong == []


def test_core_and_workflows_are_pure(modules: tuple[Module, ...]) -> None:
    """They import only wire and pure modules, await nothing, and open, print and ask nothing."""

    wrong = []
    for module in modules:
        if room_of(module.name) not in (CORE, WORKFLOWS):
            continue
        foreign = {name for name in module.imports if not room_of(name)}
        wrong += [
            f"{module.name} imports {name}"
            for name in sorted(foreign)
            if (PURE | CALENDAR.get(module.name, set())).isdisjoint((name, name.split(".")[0]))
        ]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                wrong.append(f"{module.name}:{node.lineno} is asynchronous")
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORLD:
                wrong.append(f"{module.name}:{node.lineno} calls {node.func.id}")
            elif isinstance(node, ast.Attribute) and node.attr in CLOCKS and module.name in CALENDAR:
                wrong.append(f"{module.name}:{node.lineno} asks what time it is")
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("tsipc_client.client", "tsipcd.core.state"),
        ("tsipc_client.wire.codec", "tsipc_client.client"),
        ("tsipcd.core.state", "tsipcd.journal.writer"),
        ("tsipcd.workflows.definition", "tsipcd.core.state"),
        ("tsipcd.journal.writer", "tsipcd.tmux.driver"),
        ("tsipcd.server.peer", "tsipcd.runtime"),
        ("tsipcd.runtime", "tsipc_client.client"),
    ],
)
def test_the_table_forbids_the_wrong_way(importer: str, imported: str) -> None:
    """The rule above is not empty: each of these imports would be found."""
    assert room_of(imported) != room_of(importer)
    assert room_of(imported) not in MAY_IMPORT[room_of(importer)]
