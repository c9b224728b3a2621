"""A workflow as a picture: a tree for a terminal, or the text of a mermaid or dot drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tsipc_client.render.style import Style, Tone, line
from tsipc_client.wire.messages import GraphView, NodeView
from tsipc_client.wire.text import visible

_MORE, _LAST, _NEXT = "├─ ", "└─ ", "↓ "
_INNER = {_MORE: "│  ", _LAST: "   "}


class Format(StrEnum):
    """What a drawing is made for."""

    TREE = "tree"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def tree(graph: GraphView, style: Style) -> Iterator[str]:
    """Each step once, below the last of those that it needs; the others are named behind it."""
    yield line(style, (visible(graph.name), Tone.BOLD))
    steps = [node for node in graph.nodes if node.phase == "steps"]
    yield from _branches(steps, style)
    for phase in dict.fromkeys(node.phase for node in graph.nodes if node.phase != "steps"):
        yield line(style, (f"{phase}:", Tone.BOLD))
        yield from _branches([node for node in graph.nodes if node.phase == phase], style)


def mermaid(graph: GraphView) -> Iterator[str]:
    """For what draws ```mermaid blocks."""
    yield "flowchart TD"
    names = {(node.phase, node.id): f"n{index}" for index, node in enumerate(graph.nodes, 1)}
    for node in graph.nodes:
        label = f"{visible(node.id)}<br/>{_html(visible(node.session))}"
        yield f'  {names[node.phase, node.id]}["{label}"]'
    for node in graph.nodes:
        for need in node.needs:
            yield f"  {names[node.phase, need]} --> {names[node.phase, node.id]}"


def dot(graph: GraphView) -> Iterator[str]:
    """For graphviz."""
    yield f"digraph {_quoted(graph.name)} {{"
    yield "  node [shape=box];"
    names = {(node.phase, node.id): f"n{index}" for index, node in enumerate(graph.nodes, 1)}
    for node in graph.nodes:
        yield f"  {names[node.phase, node.id]} [label={_quoted(f'{node.id} ({node.session})')}];"
    for node in graph.nodes:
        for need in node.needs:
            yield f"  {names[node.phase, need]} -> {names[node.phase, node.id]};"
    yield "}"


def _branches(nodes: list[NodeView], style: Style) -> Iterator[str]:
    place = {node.id: index for index, node in enumerate(nodes)}
    below: dict[str, list[NodeView]] = {}
    for node in nodes:
        parent = max(node.needs, key=lambda need: place[need], default="")
        below.setdefault(parent, []).append(node)
    # A stack, not recursion: a chain is as deep as it is long.
    waiting = _beside(below.get("", []), "", "", is_chain=False)
    while waiting:
        row = waiting.pop()
        yield _row(row, style)
        inner = row.indent if row.sign == _NEXT else row.indent + _INNER[row.sign]
        waiting += _beside(below.get(row.node.id, []), inner, row.node.id, is_chain=True)


class _Row(NamedTuple):
    node: NodeView
    indent: str
    sign: str
    parent: str


def _beside(nodes: list[NodeView], indent: str, parent: str, *, is_chain: bool) -> list[_Row]:
    """The rows of what has one parent, the last first. What is alone follows in the same column."""
    if is_chain and len(nodes) == 1:
        return [_Row(nodes[0], indent, _NEXT, parent)]
    last = [_Row(node, indent, _LAST, parent) for node in nodes[-1:]]
    return [*last, *(_Row(node, indent, _MORE, parent) for node in reversed(nodes[:-1]))]


def _row(row: _Row, style: Style) -> str:
    node = row.node
    also = [need for need in node.needs if need != row.parent]
    times = f" x {node.combinations}" if node.combinations > 1 else ""
    what = "" if node.kind == "command" else f"{node.kind}: "
    notes = f"  after {', '.join(also)} too" if also else ""
    notes += f"  if {node.condition}" if node.condition else ""
    return line(
        style,
        (row.indent + row.sign, Tone.DIM),
        (visible(node.id), Tone.BOLD),
        f"{times}  ",
        (visible(node.session), Tone.CYAN),
        f"  {visible(what + node.command)}",
        (visible(notes), Tone.DIM),
    )


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    escaped = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
