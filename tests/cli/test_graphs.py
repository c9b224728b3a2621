"""Drawings of a workflow for other programs, and trees of any shape."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.cli import samples
from tsipc_client.render import graphs
from tsipc_client.render.style import Style
from tsipc_client.wire.messages import GraphView, NodeView

PLAIN = Style()
HOSTILE = GraphView(
    name='a"\n', nodes=(NodeView(id="a", session='s"\\<b>', command="x\x1b[31m", kind="command"),)
)


def test_mermaid() -> None:
    """A node for each step, an arrow for each need."""
    lines = list(graphs.mermaid(samples.GRAPH))
    assert lines[:2] == ["flowchart TD", '  n1["build<br/>claude-blacklist"]']
    assert "  n2 --> n4" in lines
    assert list(graphs.mermaid(HOSTILE))[1] == '  n1["a<br/>s&quot;\\&lt;b&gt;"]'


def test_dot() -> None:
    """The same for graphviz."""
    lines = list(graphs.dot(samples.GRAPH))
    assert lines[0] == 'digraph "cicd" {'
    assert '  n1 [label="build (claude-blacklist)"];' in lines
    assert "  n3 -> n4;" in lines
    assert list(graphs.dot(HOSTILE))[2] == '  n1 [label="a (s\\"\\\\<b>)"];'


@given(st.lists(st.sets(st.integers(0, 20)), max_size=20))
def test_a_tree_has_each_step_once(graph: list[set[int]]) -> None:
    """Whatever waits for whatever, in an order that can be run."""
    nodes = tuple(
        NodeView(id=f"s{at}", session="s", command="x", kind="command",
                 needs=tuple(f"s{need}" for need in sorted(wanted) if need < at))
        for at, wanted in enumerate(graph)
    )  # fmt: skip
    rows = list(graphs.tree(GraphView(name="w", nodes=nodes), PLAIN))[1:]
    assert sorted(re.split("─ |↓ ", row)[1].split()[0] for row in rows) == sorted(node.id for node in nodes)


def test_a_long_chain_is_drawn() -> None:
    """As a column, however long."""
    nodes = tuple(
        NodeView(id=f"s{at}", session="s", command="x", kind="command", needs=(f"s{at - 1}",) if at else ())
        for at in range(5000)
    )
    rows = list(graphs.tree(GraphView(name="w", nodes=nodes), PLAIN))
    assert len(rows) == 5001
    assert rows[-1].startswith("   ↓ s4999")
