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
    from collections.abc import Sequence

TIMEOUT_S = 30
"""As every command without --timeout."""

MAX_FRAME_BYTES = 1 << 20

_CTRL_C = 130
_KEY_BYTES = 16
_READ_BYTES = 1 << 16
_NUMBER = 1
_HEADER_BYTES = 4

_OURS = (b"\x94\x01\x01", b"\x94\x01\xc0")
"""How an answer begins: to request 1, or to the connection as a whole."""


_OTHERS = (b"\x93\x02", b"\x94\x01")
"""How a message begins that is for nobody here: a notification, an answer to another request."""


def run(words: Sequence[str]) -> int | None:
    """Ask what the words ask, if they are plain, or show help; the exit status. None: nothing happened."""
    question = plain.read(words)
    if question is None and not plain.asks_for_help(words):
        return None
    screen.prepare()
    try:
        return _helped(words) if question is None else _run(question)
    except KeyboardInterrupt:
        return _CTRL_C
    except Exception as error:  # noqa: BLE001 (raised again below)
        failure = error

        def again() -> int:
            raise failure

        from tsipc_client.cli import deliver  # noqa: PLC0415 (it has words and a status for every failure)

        return deliver.guarded(again, json=question is not None and question.json)


def _helped(words: Sequence[str]) -> int | None:
    from tsipc_client.cli import manual  # noqa: PLC0415 (for this only)

    return manual.show(words)


def _run(question: plain.Question) -> int:
    connection = None if question.is_streamed else _connected()
    if connection is None:
        from tsipc_client.cli import onward  # noqa: PLC0415 (costs more than all of this)

        return onward.ask(question)
    try:
        return _asked(question, connection)
    finally:
        connection.close()


def _asked(question: plain.Question, connection: _socket.socket) -> int:
    deadline = time.monotonic() + (question.timeout_s or TIMEOUT_S)
    key = os.urandom(_KEY_BYTES).hex() if question.needs_key else ""
    answer = _exchange(connection, _frame(question, key), deadline)
    status = None if answer is None else _show(question, answer)
    if status is not None:
        return status
    from tsipc_client.cli import onward  # noqa: PLC0415 (as above)

    return onward.settle(question, key, answer, connection, deadline - time.monotonic())


def _connected() -> _socket.socket | None:
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


def _frame(question: plain.Question, key: str) -> bytes:
    params = {**question.params, "key": key} if key else question.params
    payload = pack([0, _NUMBER, question.method, params])
    return len(payload).to_bytes(_HEADER_BYTES, "big") + payload


def _exchange(connection: _socket.socket, frame: bytes, deadline: float) -> bytes | None:
    """The first frame that comes back and may be the answer, or bytes that are no frame.

    None: the connection ended, or the time.
    """
    try:  # noqa: SIM105 (`contextlib` costs as much as the exchange)
        connection.sendall(frame)
    except OSError:
        pass  # the daemon may have said why: read on until the end
    data = b""
    while True:
        size = int.from_bytes(data[:_HEADER_BYTES], "big")
        if len(data) >= _HEADER_BYTES and not 0 < size <= MAX_FRAME_BYTES:
            return data
        end = _HEADER_BYTES + size
        if len(data) > _HEADER_BYTES and len(data) >= end:
            if data.startswith(_OURS, _HEADER_BYTES) or not data.startswith(_OTHERS, _HEADER_BYTES):
                return data[:end]
            data = data[end:]
            continue
        chunk = _received(connection, deadline)
        if not chunk:
            return None
        data += chunk


def _received(connection: _socket.socket, deadline: float) -> bytes:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        return b""
    connection.settimeout(left_s)
    try:
        return connection.recv(_READ_BYTES)
    except OSError:
        return b""


def _show(question: plain.Question, frame: bytes) -> int | None:
    """Print the answer; the exit status. None, and nothing printed, if it is not understood here."""
    try:
        answer = unpack(frame[_HEADER_BYTES:])
        if not isinstance(answer, list) or answer[:2] != [1, _NUMBER]:
            return None
        _, _, error, result = answer
        if error is not None:
            status, complaint = brief.refused(question, error)
            screen.tell(complaint)
            return status
        lines, notes = brief.shown(question, result)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None
    screen.put(lines)
    screen.note(notes)
    return 0
