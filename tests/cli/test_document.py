"""JSON documents."""

from __future__ import annotations

import json

from tests.cli import samples
from tsipc_client.render.document import document
from tsipc_client.render.failure import error_document


def test_keys_are_the_names_on_the_wire() -> None:
    """Nested values and enums included."""
    assert json.loads(document(samples.PUBLISHED)) == {
        "event": "deployment",
        "subscribers": [
            {"session": "claude-manager", "action": "notify", "id": "msg-125"},
            {"session": "claude-planka", "action": "command", "id": "msg-126"},
        ],
    }


def test_a_document_is_printable_ascii_and_gives_the_text_back() -> None:
    """No terminal is moved by it, nothing is lost."""
    text = document(samples.HOSTILE_QUEUE)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["messages"][0]["message"] == samples.HOSTILE


def test_an_error_is_one_line() -> None:
    """With the fields it has on the wire."""
    assert json.loads(error_document(samples.UNKNOWN_SESSION)) == {
        "code": "unknown_session",
        "message": "no session named claude-manger",
        "hint": "did you mean claude-manager?\nlist them: ts-ipc sessions",
        "data": {"nearest": ["claude-manager"]},
    }
