"""A question in one exchange, with next to nothing loaded.

It does what typer, `deliver` and `Client` do together, for the answers that scripts get all day. Everything
else goes to them: no daemon to be reached, an error, a broken connection, an answer not understood here. A
request that was sent is never sent again but under its idempotency key.
"""

from __future__ import annotations

import _socket
import os
import time

from tsipc_client.cli import brief, plain, screen
from tsipc_client.wire.address import Address, is_ours, socket_path, state_path
from tsipc_client.wire.pack import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT_S = 30
"""As every command without --timeout."""

MAX_FRAME_BYTES = 1 << 20

_CTRL_C = 130
_KEY_BYTES = 16
_READ_BYTES = 1 << 16
NUMBER = 1
HEADER_BYTES = 4

NOT_UNDERSTOOD = (ValueError, TypeError, AttributeError, KeyError, IndexError)
"""What is raised for an answer that is not known in every part."""

_OURS = (b"\x94\x01\x01", b"\x94\x01\xc0")
"""How an answer begins: to request 1, or to the connection as a whole."""


NOTIFICATION = b"\x93\x02"
"""How a message begins that is no answer."""

_OTHERS = (NOTIFICATION, b"\x94\x01")
"""How a message begins that is for nobody here: a notification, an answer to another request."""


def run(words: Sequence[str]) -> int | None:
    """Ask what the words ask, if they are plain, or show help; the exit status. None: nothing happened."""
    if words[:2] == ["pipe", "--shell"]:
        from tsipc_client.cli import shell_pipe  # noqa: PLC0415 (for this only)

        screen.prepare()
        return shell_pipe.serve(int(words[2]))
    question = plain.read(words)
    screen.prepare()
    try:
        return _unread(words) if question is None else _run(question)
    except KeyboardInterrupt:
        return _CTRL_C
    except Exception as error:  # noqa: BLE001 (raised again below)
        failure = error

        def again() -> int:
            raise failure

        from tsipc_client.cli import deliver  # noqa: PLC0415 (it has words and a status for every failure)

        return deliver.guarded(again, json=question is not None and question.json)


def _unread(words: Sequence[str]) -> int | None:
    """Show help, or what is wrong with the words. None: typer will."""
    if plain.asks_for_help(words):
        from tsipc_client.cli import manual  # noqa: PLC0415 (for this only)

        return manual.show(words)
    from tsipc_client.cli import misuse  # noqa: PLC0415 (as above)

    return misuse.tell(words)


def _run(question: plain.Question) -> int:
    connection = connected()
    if connection is None:
        from tsipc_client.cli import onward  # noqa: PLC0415 (costs more than all of this)

        return onward.ask(question)
    try:
        if question.is_streamed:
            from tsipc_client.cli import follow  # noqa: PLC0415 (only a run is watched)

            return follow.run(question, connection)
        return _asked(question, connection)
    finally:
        connection.close()


def _asked(question: plain.Question, connection: _socket.socket) -> int:
    deadline = time.monotonic() + (question.timeout_s or TIMEOUT_S)
    key = new_key() if question.needs_key else ""
    ask(connection, question, key)
    answer = first_answer(connection, deadline)
    status = None if answer is None else _show(question, answer)
    if status is not None:
        return status
    from tsipc_client.cli import onward  # noqa: PLC0415 (as above)

    return onward.settle(question, key, answer, connection, deadline - time.monotonic())


def connected() -> _socket.socket | None:
    """A connection to the daemon, if one is there."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT_S)
    try:
        with Address(socket_path(state_path())) as address:
            connection.connect(address)
        if is_ours(connection):
            return connection
    except OSError:
        pass
    # The long way has words for it.
    connection.close()
    return None


def new_key() -> str:
    """An idempotency key."""
    return os.urandom(_KEY_BYTES).hex()


def ask(connection: _socket.socket, question: plain.Question, key: str = "") -> None:
    """Send the question, as request 1."""
    params = {**question.params, "key": key} if key else question.params
    payload = pack([0, NUMBER, question.method, params])
    try:  # noqa: SIM105 (`contextlib` costs as much as the exchange)
        connection.sendall(len(payload).to_bytes(HEADER_BYTES, "big") + payload)
    except OSError:
        pass  # the daemon may have said why: read on until the end


def frames(connection: _socket.socket, deadline: float | None) -> Iterator[bytes]:
    """What comes, frame by frame; bytes that are no frame as they are. Ends with connection or time."""
    data = b""
    while chunk := _received(connection, deadline):
        data += chunk
        while len(data) > HEADER_BYTES:
            size = int.from_bytes(data[:HEADER_BYTES], "big")
            if not 0 < size <= MAX_FRAME_BYTES:
                yield data
                return
            end = HEADER_BYTES + size
            if len(data) < end:
                break
            yield data[:end]
            data = data[end:]


def first_answer(connection: _socket.socket, deadline: float) -> bytes | None:
    """The first frame that comes back and may be the answer, or bytes that are no frame; None: none."""
    for frame in frames(connection, deadline):
        if frame.startswith(_OURS, HEADER_BYTES) or not frame.startswith(_OTHERS, HEADER_BYTES):
            return frame
    return None


def _received(connection: _socket.socket, deadline: float | None) -> bytes:
    left_s = None if deadline is None else deadline - time.monotonic()
    if left_s is not None and left_s <= 0:
        return b""
    connection.settimeout(left_s)
    try:
        return connection.recv(_READ_BYTES)
    except OSError:
        return b""


def result_of(frame: bytes) -> object:
    """The result in an answer. Raises what is `NOT_UNDERSTOOD` if there is none."""
    match unpack(frame[HEADER_BYTES:]):
        case [1, number, None, result] if number == NUMBER:
            return result
        case _:
            raise ValueError("no result")


def _show(question: plain.Question, frame: bytes) -> int | None:
    """Print the answer; the exit status. None, and nothing printed, if it is not understood here."""
    try:
        answer = unpack(frame[HEADER_BYTES:])
        if not isinstance(answer, list) or answer[:2] != [1, NUMBER]:
            return None
        _, _, error, result = answer
        if error is not None:
            status, complaint = brief.refused(question, error)
            screen.tell(complaint)
            return status
        lines, notes = brief.shown(question, result)
    except NOT_UNDERSTOOD:
        return None
    screen.put(lines)
    screen.note(notes)
    return 0
