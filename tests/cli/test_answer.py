"""Every answer: what is data, what is a note, and which notes are due where nobody looks."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli import samples
from tsipc_client.render import answer, failure
from tsipc_client.render.style import PLAIN, Style
from tsipc_client.wire.messages import (
    Action,
    Cancel,
    Decision,
    Fanout,
    Graph,
    MessageType,
    Pipeline,
    Publish,
    Published,
    Queue,
    Queued,
    Removed,
    Request,
    Resolve,
    Result,
    Rm,
    Run,
    Runs,
    Schedule,
    Send,
    Sessions,
    Status,
    Step,
    Stop,
    Subscribe,
    Unsubscribe,
    Validate,
    Workflow,
    WorkflowList,
    Workflows,
)
from tsipc_client.wire.text import is_safe

TERMINAL = Style(width=80, colour=True, terminal=True)

SEND = Send(source="claude-blacklist", target="man", message="docker ps", type=MessageType.COMMAND)
SUBSCRIBE = Subscribe(session="claude-manager", event="deployment")
UNSUBSCRIBE = Unsubscribe(session="claude-manager", event="deployment")
PUBLISH = Publish(source="claude-blacklist", event="deployment", data="v1.2.3")

CASES: dict[str, tuple[Request, Result]] = {
    "sent": (SEND, samples.SENT),
    "sent, held": (SEND, samples.SENT_HELD),
    "subscribed": (SUBSCRIBE, samples.SUBSCRIBED),
    "unsubscribed": (UNSUBSCRIBE, samples.UNSUBSCRIBED),
    "not subscribed": (UNSUBSCRIBE, samples.NOT_SUBSCRIBED),
    "published": (PUBLISH, samples.PUBLISHED),
    "published to nobody": (PUBLISH, samples.PUBLISHED_TO_NOBODY),
    "workflow": (Workflow(name="deploy-full", steps=(Step(session="a", command="b"),)), samples.SAVED),
    "workflow of a text": (Workflow(name="cicd", text="steps: ...", file="a.yml"), samples.SAVED_TEXT),
    "validate": (Validate(text="steps: ...", file="a.yml"), samples.INVALID),
    "workflows": (Workflows(), samples.WORKFLOWS),
    "no workflows": (Workflows(), WorkflowList(workflows=())),
    "rm": (Rm(name="cicd"), Removed(name="cicd", path="/home/user/.config/ts/ipc/workflows/cicd.yml")),
    "graph": (Graph(name="cicd"), samples.GRAPH),
    "validate, valid": (Validate(name="cicd"), samples.VALID),
    "pipeline": (Pipeline(source="claude-blacklist", target="claude-manager"), samples.PIPELINE_SAVED),
    "detached run": (Run(name="deploy-full", follow=False), samples.DETACHED),
    "cancelled": (Cancel(id="msg-123"), samples.CANCELLED),
    "resolved": (Resolve(id="msg-130", decision=Decision.REDELIVER), samples.RESOLVED),
    "resolved, held": (Resolve(id="msg-130", decision=Decision.REDELIVER), samples.RESOLVED_HELD),
    "queue": (Queue(), samples.QUEUE),
    "runs": (Runs(), samples.RUNS),
    "schedule": (Schedule(), samples.SCHEDULE),
    "sessions": (Sessions(), samples.SESSIONS),
    "stopping": (Stop(), samples.STOPPING),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("style", [PLAIN, TERMINAL], ids=["piped", "terminal"])
def test_answer(name: str, style: Style, snapshot: SnapshotAssertion) -> None:
    """Each verb's stdout and stderr look as they did when somebody last looked at them."""
    request, result = CASES[name]
    data = list(answer.data_lines(result, style, now=samples.NOON))
    notes = [("!" if note.urgent else " ") + note.text for note in answer.notes(request, result, style)]
    assert "\n".join([*data, "── stderr ──", *notes]) == snapshot


def test_a_held_message_is_said_to_be_held_everywhere() -> None:
    """Nobody may believe that it has run."""
    (note,) = answer.notes(SEND, samples.SENT_HELD, PLAIN)
    assert note.urgent
    assert note.text == ("held: claude-blacklist → claude-manager [command]: no session named claude-manager")


def test_an_accepted_message_is_no_news_to_a_script() -> None:
    """Its id on stdout says it."""
    (note,) = answer.notes(SEND, samples.SENT, PLAIN)
    assert not note.urgent
    assert samples.SENT.status is Status.ACCEPTED


def test_a_note_about_many_subscribers_is_short() -> None:
    """The first few by name, the rest by number."""
    many = tuple(Fanout(session=f"s-{n}", action=Action.DATA, id=f"msg-{n}") for n in range(100))
    (note,) = answer.notes(PUBLISH, Published(event="deployment", subscribers=many), PLAIN)
    assert note.text.endswith(
        "→ 100 subscribers: " + ", ".join(f"s-{n} (data)" for n in range(6)) + " and 94 more"
    )


def test_an_error_is_safe_to_print() -> None:
    """Message and hint may quote what was sent."""
    lines = list(failure.error_lines(samples.HOSTILE_ERROR, PLAIN))
    assert len(lines) == 2
    assert all(is_safe(char) for line in lines for char in line)


def test_an_error_tells_what_to_do() -> None:
    """A hint of several lines stays in lines, indented."""
    assert list(failure.error_lines(samples.UNKNOWN_SESSION, Style(width=20))) == [
        "ts-ipc: no session named claude-manger",
        "  did you mean claude-manager?",
        "  list them: ts-ipc sessions",
    ]


def test_a_listing_with_what_is_in_doubt_is_whole() -> None:
    """It waits for a decision, and is there: no more is to be listed."""
    doubted = Queued(messages=(samples.message(130, Status.IN_DOUBT),), waiting=1)
    assert list(answer.notes(Queue(), doubted, PLAIN)) == []
    more = Queued(messages=doubted.messages, waiting=2)
    assert len(list(answer.notes(Queue(), more, PLAIN))) == 1
