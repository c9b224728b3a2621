"""Answers into bytes."""

from __future__ import annotations

import json

import msgpack
import pytest

from tests.wire.samples import PROGRESS, SAMPLES
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import ErrorCode, error_from
from tsipcd.server import encode


def unpacked(data: bytes) -> list[object]:
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    message: list[object] = msgpack.unpackb(data[4:])
    return message


@pytest.mark.parametrize("result", [result for _, result in SAMPLES], ids=lambda r: type(r).__name__)
def test_both_encodings_say_the_same(result: m.Result) -> None:
    """The result is the same map in MessagePack and in JSON."""
    line = encode.result("x", result, lines=True)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "jsonrpc": "2.0", "id": "x", "result": unpacked(encode.result(1, result, lines=False))[3],
    }  # fmt: skip


def test_progress_names_its_request() -> None:
    """A stream item is a notification with the id of the request it belongs to."""
    kind, method, params = unpacked(encode.progress(9, PROGRESS, lines=False))
    assert (kind, method) == (2, "progress")
    assert isinstance(params, dict)
    assert params["request"] == 9
    assert set(params) == {"request", "run", "workflow", "steps", "step"}
    line = json.loads(encode.progress(9, PROGRESS, lines=True))
    assert line == {"jsonrpc": "2.0", "method": "progress", "params": params}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_can_be_said(code: ErrorCode) -> None:
    """Ours as it is; in JSON-RPC the number is an integer and ours is within `data`."""
    error = error_from(code, "what", hint="do", data={"nearest": ["a"]})
    body = {"code": str(code), "message": "what", "hint": "do", "data": {"nearest": ["a"]}}
    assert unpacked(encode.failure(3, error, lines=False)) == [1, 3, body, None]
    line = json.loads(encode.failure(3, error, lines=True))["error"]
    assert isinstance(line["code"], int)
    assert line["message"] == "what"
    assert line["data"] == {"code": str(code), "hint": "do", "data": {"nearest": ["a"]}}


@pytest.mark.parametrize("lines", [False, True])
def test_an_answer_that_no_frame_holds_is_an_error(lines: bool) -> None:
    """The client learns what to do instead of losing the connection."""
    huge = m.LogLines(lines=("x" * m.MAX_FRAME_BYTES,), path="/p")
    data = encode.result(4, huge, lines=lines)
    assert len(data) < 1000
    assert b"too_large" in data


@pytest.mark.parametrize("lines", [False, True])
def test_a_name_that_is_no_unicode_does_not_cost_the_answer(lines: bool) -> None:
    """tmux and file systems have such names; their bytes are shown as escapes."""
    answer = m.LogLines(lines=("a\udc80b",), path="/p\udcff")
    data = encode.result(4, answer, lines=lines)
    result = json.loads(data)["result"] if lines else unpacked(data)[3]
    assert result == {"lines": ["a\\udc80b"], "path": "/p\\udcff", "cut": False}
