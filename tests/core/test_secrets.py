"""A secret body reaches its session and no view; when the message has ended it is not kept."""

from __future__ import annotations

from tests.support.talk import Talk, only, pin
from tsipc_client.wire import messages as m
from tsipcd.core import effects as e
from tsipcd.core import facts as f
from tsipcd.core import inputs as i
from tsipcd.core.listings import message_view
from tsipcd.core.state import State

TOKEN = "tökén-5f3a9c"
SHOWN = "(secret, 14 bytes)"


def send(talk: Talk, *, secret: bool = True, type_: m.MessageType = m.MessageType.COMMAND) -> list[e.Effect]:
    return talk.send("claude-manager", TOKEN, secret=secret, type=type_)


def snapshot(state: State) -> bytes:
    return b"".join(f.encode(fact) for fact in state.snapshot(0))


def shown(talk: Talk) -> list[str]:
    listed = only(talk.ask(m.Queue()), e.Reply).result
    story = only(talk.ask(m.Show(id="msg-1")), e.Reply).result
    assert isinstance(listed, m.Queued)
    assert isinstance(story, m.Shown)
    file = talk.machine.view(1)
    assert file is not None
    return [view.message for view in (listed.messages[0], story.message, file)]


def test_a_secret_command_is_typed_and_never_shown(talk: Talk) -> None:
    """From its acceptance to its end, and after it; its size stays known."""
    send(talk)
    assert shown(talk) == [SHOWN] * 3
    assert only(talk.ready(1, pin(1)), e.TypeKeys).text == TOKEN
    assert shown(talk) == [SHOWN] * 3
    talk.typed(1)
    assert shown(talk) == [SHOWN] * 3
    view = message_view(talk.state.messages[1])
    assert (view.secret, view.size_bytes) == (True, len(TOKEN.encode()))


def test_secret_data_is_stored_whole(talk: Talk) -> None:
    """Its file is how it is delivered."""
    assert only(send(talk, type_=m.MessageType.DATA), e.StoreData).body == TOKEN


def test_what_was_ended_is_in_no_snapshot(talk: Talk) -> None:
    """What waits has to be, since it is still to be delivered; and a restored state knows it for a secret."""
    send(talk)
    assert TOKEN.encode() in snapshot(talk.state)
    restored = State()
    for fact in talk.state.snapshot(0):
        restored.apply(f.decode(f.encode(fact)))
    assert message_view(restored.messages[1]).message == SHOWN
    assert restored.messages[1].body == TOKEN
    talk.ready(1, pin(1))
    talk.typed(1)
    assert TOKEN.encode() not in snapshot(talk.state)
    assert talk.state.messages[1].body == ""


def test_what_is_in_doubt_keeps_its_body(talk: Talk) -> None:
    """It may have to be typed again."""
    send(talk)
    talk.ready(1, pin(1))
    talk.typed(1, i.Outcome.UNKNOWN)
    talk.see()
    assert talk.status(1).startswith("in-doubt")
    assert talk.state.messages[1].body == TOKEN


def test_another_message_is_shown(talk: Talk) -> None:
    """The control: without `secret` each of these views has the text."""
    send(talk, secret=False)
    assert shown(talk) == [TOKEN] * 3


def test_a_notification_cannot_be_secret(talk: Talk) -> None:
    """It is made to be seen; tmux keeps it in its message log."""
    error = only(send(talk, type_=m.MessageType.NOTIFICATION), e.Fail).error
    assert error.code == "bad_params"
    assert not talk.state.messages
