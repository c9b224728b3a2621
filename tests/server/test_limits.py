"""What the values of a request must be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.wire.samples import SAMPLES
from tsipc_client.wire import messages as m
from tsipc_client.wire.errors import BadInput, ErrorCode
from tsipcd.server.limits import MAX_KEY_BYTES, MAX_LISTED, check_of

SEND = m.Send(source="a", target="b", message="ls")


def check(request: m.Request) -> None:
    check_of(type(request))(request)


def changed(request: m.Request, **fields: object) -> m.Request:
    result: m.Request = replace(request, **fields)  # type: ignore[arg-type] # any class, any field of it
    return result


def refused(request: m.Request) -> BadInput:
    with pytest.raises(BadInput) as caught:
        check(request)
    return caught.value


@pytest.mark.parametrize("request_", [request for request, _ in SAMPLES], ids=lambda r: r.METHOD)
def test_sensible_requests_pass(request_: m.Request) -> None:
    """There is a rule for every request class, and it lets the usual through."""
    check(request_)


@pytest.mark.parametrize(
    "name", ["a b", "세션", "../../x", "%0", ".", "a:1.2", "@label", "g*", "-rf", "$0", "x" * 255]
)
def test_a_name_may_be_almost_anything(name: str) -> None:
    """Whatever a tmux session can be called can be named."""
    check(replace(SEND, target=name, source=name))


@pytest.mark.parametrize(
    "name", ["", "a\nb", "a\x1b[2Jb", "a\x00", "a\u202eb", "a\u200bb", "a\u2028b", "x" * 256, "세" * 86]
)
@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SEND, "source"),
        (SEND, "target"),
        (m.Subscribe(session="s", event="e"), "session"),
        (m.Subscribe(session="s", event="e"), "event"),
        (m.Unsubscribe(session="s", event="e"), "session"),
        (m.Unsubscribe(session="s", event="e"), "event"),
        (m.Publish(source="s", event="e"), "source"),
        (m.Publish(source="s", event="e"), "event"),
        (m.Workflow(name="w", steps=()), "name"),
        (m.Run(name="w"), "name"),
        (m.Pipeline(source="s", target="t"), "source"),
        (m.Pipeline(source="s", target="t"), "target"),
        (m.Show(id="msg-1"), "id"),
        (m.Cancel(id="msg-1"), "id"),
        (m.Wait(id="msg-1"), "id"),
        (m.Retry(id="msg-1"), "id"),
        (m.Reply(id="msg-1", answer="yes"), "id"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.METHOD,
)
def test_a_name_is_not_empty_and_can_be_seen(request_: m.Request, field: str, name: str) -> None:
    """Nothing that forges a line, hides, or does not fit; the error names the field and is safe to show."""
    error = refused(changed(request_, **{field: name}))
    assert error.message.startswith(field)
    assert error.message.isprintable()
    assert error.code in (ErrorCode.BAD_PARAMS, ErrorCode.TOO_LARGE)


def test_the_names_in_steps_are_checked() -> None:
    """The error counts the steps as the wire does."""
    steps = (m.Step(session="a", command="x"), m.Step(session="a\n", command="x"))
    assert refused(m.Workflow(name="w", steps=steps)).message.startswith("steps[1].session")


@pytest.mark.parametrize("name", [".", ".."])
def test_a_workflow_is_not_named_like_a_folder(name: str) -> None:
    """Its file must be a file."""
    refused(m.Workflow(name=name, steps=()))
    refused(m.Run(name=name))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SEND, "message"),
        (m.Publish(source="s", event="e"), "data"),
        (m.Workflow(name="w", steps=(m.Step(session="s", command=""),)), "steps[0].command"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.METHOD,
)
def test_a_body_has_a_limit_in_bytes(request_: m.Request, field: str) -> None:
    """It is counted in UTF-8, and the limit itself is allowed."""

    def with_body(text: str) -> m.Request:
        if isinstance(request_, m.Workflow):
            return replace(request_, steps=(m.Step(session="s", command=text),))
        return changed(request_, **{field: text})

    check(with_body("x" * m.MAX_BODY_BYTES))
    check(with_body("é" * (m.MAX_BODY_BYTES // 2)))
    for text in ("x" * (m.MAX_BODY_BYTES + 1), "é" * (m.MAX_BODY_BYTES // 2 + 1)):
        error = refused(with_body(text))
        assert error.code is ErrorCode.TOO_LARGE
        assert error.message.startswith(field)


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, math.nan, math.inf, -math.inf, 1e300])
def test_a_time_to_live_is_a_time(ttl_s: float) -> None:
    """It is more than nothing and ends one day."""
    assert "ttl_s" in refused(replace(SEND, ttl_s=ttl_s)).message
    check(replace(SEND, ttl_s=0.001))


@pytest.mark.parametrize(
    "request_", [SEND, m.Publish(source="s", event="e"), m.Run(name="w")], ids=lambda r: r.METHOD
)
def test_a_key_has_a_limit_in_bytes(request_: m.Request) -> None:
    """Keys are kept for long, so they are short."""
    check(changed(request_, key="k" * MAX_KEY_BYTES))
    assert "key" in refused(changed(request_, key="k" * (MAX_KEY_BYTES + 1))).message
    assert "key" in refused(changed(request_, key="é" * (MAX_KEY_BYTES // 2 + 1))).message


@pytest.mark.parametrize(("request_", "field"), [(m.Queue(), "limit"), (m.Events(), "lines")])
def test_a_count_is_in_bounds(request_: m.Request, field: str) -> None:
    """Neither negative nor beyond all reason."""
    check(changed(request_, **{field: 0}))
    check(changed(request_, **{field: MAX_LISTED}))
    for value in (-1, MAX_LISTED + 1, 2**70):
        assert field in refused(changed(request_, **{field: value})).message
