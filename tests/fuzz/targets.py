"""What reads bytes that others wrote, each as a function that raises on a finding, and else tells the answer.

A finding is an exception that is not among those the reader promises, or an answer that contradicts itself:
other values for the same bytes in other pieces, a message with raw controls in it, records that were there
and are passed over in silence.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgpack

from tests.support.daemon import ROOT
from tsipc_client.wire import codec, pack
from tsipc_client.wire import messages as m
from tsipc_client.wire.connection import Connection, Ended
from tsipc_client.wire.errors import ErrorCode, WireError
from tsipc_client.wire.frames import Receiver, frame
from tsipc_client.wire.printed import plain_text
from tsipc_client.wire.text import is_safe
from tsipcd import config
from tsipcd.journal.errors import JournalError
from tsipcd.journal.folder import Folder
from tsipcd.journal.layout import SEGMENT, heading, segment_name
from tsipcd.journal.reading import read_journal
from tsipcd.journal.record import encode, seed_of
from tsipcd.server import decode
from tsipcd.tmux import listing
from tsipcd.tmux.control import Block, ControlParser, Overflow
from tsipcd.tmux.programs import identify
from tsipcd.tmux.screen import Screen, composer_text, read_line
from tsipcd.tmux.tty import Process
from tsipcd.views import names, subscriptions, workflows

CORPUS: Final = ROOT / "tests/data/fuzz"
"""A folder for each target: inputs that found something once, and what reaches far into the reader."""

WIRE: Final = ROOT / "tests/data/wire/v1"
IDENTITY: Final = bytes.fromhex("0badcafe")


class Finding(AssertionError):
    """The reader did what it must not."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader, and inputs that it takes."""

    name: str
    run: Callable[[bytes], str]
    """Tells what was answered, in words; new ones make the fuzzer go on from there."""
    seeds: Callable[[], Sequence[bytes]]

    @property
    def corpus(self) -> list[Path]:
        """What is kept for it."""
        return sorted((CORPUS / self.name).glob("*"))


def expect(*, holds: bool, otherwise: str) -> None:
    """Raise a `Finding` unless it holds."""
    if not holds:
        raise Finding(otherwise)


# ── frames and requests ───────────────────────────────────────────────────────────────────────────────────


def frames(data: bytes) -> str:
    """The same payloads and the same end, in whatever pieces the bytes come."""
    whole, bits = Receiver(), Receiver()
    at_once = whole.feed(data) + whole.end()
    # 7: neither the header's size nor a divisor of anything else.
    in_bits = [p for at in range(0, len(data), 7) for p in bits.feed(data[at : at + 7])] + bits.end()
    expect(holds=at_once == in_bits, otherwise="other payloads when they come in pieces")
    expect(holds=str(whole.broken) == str(bits.broken), otherwise="another end when they come in pieces")
    return f"{min(len(at_once), 3)} {whole.lines} {whole.broken}"


def requests(data: bytes) -> str:
    """A request that means the same when it is written anew, or a refusal that can be shown."""
    read: Callable[[bytes], tuple[decode.Id, m.Request]]
    read = decode.from_json if data[:1] == b"{" else decode.from_msgpack
    try:
        number, request = read(data)
    except decode.BadRequest as bad:
        return _expect_shown(bad.error)
    except WireError as error:
        return _expect_shown(error)
    expect(holds=type(request) in m.REQUESTS, otherwise=f"{request} is no request")
    written = codec.encode_request(number if isinstance(number, int) and number >= 0 else 0, request)
    again = decode.from_msgpack(written)[1]
    expect(holds=again == request, otherwise=f"{request} became {again}")
    return type(request).__name__


def answers(data: bytes) -> str:
    """The client gets events, and none after the end."""
    connection = Connection()
    connection.request(m.Queue())
    events = connection.receive(data)
    ends = [index for index, event in enumerate(events) if isinstance(event, Ended)]
    for index in ends:
        event = events[index]
        expect(holds=isinstance(event, Ended) and isinstance(event.error, WireError), otherwise="no error")
    return str(events)


def packed(data: bytes) -> str:
    """The short reader says what the library says, or leaves it alone."""
    try:
        value = pack.unpack(data)
    except ValueError as error:
        return str(error)
    expect(holds=repr(msgpack.unpackb(data)) == repr(value), otherwise=f"read {value!r}")
    expect(holds=repr(pack.unpack(pack.pack(value))) == repr(value), otherwise="it is not written back")
    return type(value).__name__


# ── files that people edit ────────────────────────────────────────────────────────────────────────────────


def table(data: bytes) -> str:
    """A table that is the same after it was written, or the place of the fault."""
    text = data.decode("utf-8", "replace")
    try:
        rows = subscriptions._parse(text, "/f")[0]
    except WireError as error:
        return _expect_file_fault(error)
    kept: dict[str, list[dict[str, str]]] = {row.session: [] for row in rows}
    for row in rows:
        kept[row.session].append({"event": row.event, "action": row.action.value})
    again = subscriptions._parse(json.dumps({"subscriptions": kept}), "/f")[0]
    expect(holds=sorted(map(repr, again)) == sorted(map(repr, rows)), otherwise="it is not written back")
    return f"{min(len(rows), 3)} rows"


def workflow(data: bytes) -> str:
    """Steps, or the place of the fault."""
    try:
        found = workflows._parse(data.decode("utf-8", "replace"), "/f", "deploy")
    except WireError as error:
        return _expect_file_fault(error)
    expect(holds=all(step.session for step in found.workflow.steps), otherwise="a step for nobody")
    return f"{found.created is None}"


def neighbours(data: bytes) -> str:
    """Never an error: a bad file counts as none."""
    folder = _scratch()
    for name in (names.ALIASES, names.SETTINGS, names.LABELS):
        (folder / name).write_bytes(data)
    found = names.Neighbours(str(folder)).read()
    for name in (*found.aliases, *found.aliases.values(), *found.labelled, *found.socket_dirs):
        name.encode()
    return f"{bool(found.aliases)} {bool(found.labelled)} {bool(found.socket_dirs)}"


def settings(data: bytes) -> str:
    """Settings within their bounds, or the place of the fault."""
    try:
        found = config.parse(data.decode("utf-8", "replace"), "/f")
    except WireError as error:
        return _expect_file_fault(error)
    expect(holds=1 <= found.delivery.ttl_s <= 366 * 86400, otherwise=f"ttl of {found.delivery.ttl_s} s")
    return "settings"


# ── the journal ───────────────────────────────────────────────────────────────────────────────────────────


@cache
def _segment() -> tuple[bytes, tuple[int, ...]]:
    """A segment of 12 records in frames of one to three, and where each frame ends."""
    data, ends, sequence = heading(SEGMENT, IDENTITY, 1), [], 1
    for size in (1, 2, 3, 1, 2, 3):
        payloads = [
            b"payload %d " % number + b"x" * number * 9 for number in range(sequence, sequence + size)
        ]
        data += encode(seed_of(IDENTITY), sequence, payloads)
        sequence += size
        ends.append(len(data))
    return data + bytes(64), tuple(ends)


def journal(data: bytes) -> str:
    """Its own errors, or records that were really written, none of a whole beginning left out."""
    right, ends = _segment()
    written: list[bytes] = []
    _read(right, written)
    found: list[bytes] = []
    try:
        _read(data, found)
    except JournalError as error:
        expect(holds=all(map(is_safe, str(error))), otherwise="its complaint moves terminals")
        return str(error).split(segment_name(1))[-1]
    except OSError as error:
        raise Finding(f"{error!r}") from error
    expect(holds=found == written[: len(found)], otherwise="records that nobody wrote")
    common = next(
        (at for at, (a, b) in enumerate(zip(data, right, strict=False)) if a != b), min(len(data), len(right))
    )
    whole = sum(size for size, end in zip((1, 2, 3, 1, 2, 3), ends, strict=True) if end <= common)
    expect(holds=len(found) >= whole, otherwise=f"{len(found)} of {whole} whole records, and no complaint")
    return f"{len(found)} records"


def _read(data: bytes, found: list[bytes]) -> None:
    path = _scratch() / "journal"
    (path / segment_name(1)).write_bytes(data)
    folder = Folder.existing(path)
    try:
        read_journal(folder, lambda _sequence, payload: found.append(payload))
    finally:
        folder.close()


@cache
def _scratch() -> Path:
    """Where the files of this process are, in memory if that can be had; it goes away with the process."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
    kept = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    _kept.append(kept)
    folder = Path(kept.name)
    for name in ("journal", "state"):
        (folder / name).mkdir(mode=0o700)
    return folder


_kept: Final[list[tempfile.TemporaryDirectory[str]]] = []


# ── what tmux and terminals print ─────────────────────────────────────────────────────────────────────────


def control(data: bytes) -> str:
    """The same events in whatever pieces, and every line in one of them."""
    at_once = _parsed([data])
    in_bits = _parsed([data[at : at + 7] for at in range(0, len(data), 7)])
    expect(holds=at_once == in_bits, otherwise="other events when it comes in pieces")
    blocks = [event for event in at_once if isinstance(event, Block)]
    records = listing._Words("0123456789abcdef", "fedcba9876543210").records(blocks)
    for client in listing._users_clients({"c": [fields for fields in records["c"] if len(fields) == 3]}):
        client.name.encode()
    return " ".join(type(event).__name__ for event in at_once[:8])


def _parsed(pieces: Sequence[bytes]) -> list[object]:
    parser = ControlParser()
    events: list[object] = []
    try:
        for piece in pieces:
            events += parser.feed(piece)
    except Overflow:
        events.append("overflow")
    return events


def screen(data: bytes) -> str:
    """A verdict about any screen, and a line of text that holds no escape."""
    text = data.decode("utf-8", "surrogateescape")
    rows = tuple(text.split("\n")[:60])
    seen: list[str] = []
    for x, y in ((0, 0), (len(rows[-1]), len(rows) - 1), (3, 1), (500, 500)):
        shown = Screen(rows, x, y, 80)
        for console in (False, True):
            line, before = read_line(shown, ("$ ",), console=console)
            expect(holds=bool(line) and isinstance(before, str), otherwise="no verdict")
            seen.append(line)
        seen.append(str(composer_text(shown) is None))
    printed = plain_text(data)
    expect(holds="\x1b" not in printed, otherwise="an escape is left in plain text")
    return " ".join(seen)


def occupant(data: bytes) -> str:
    """A name for whatever runs there."""
    name, _, rest = data.partition(b"\0")
    words = tuple(word.decode("utf-8", "surrogateescape") for word in rest.split(b"\0"))
    seen: list[str] = []
    for argv in (words, words[:1], ()):
        found = identify(Process(1, name[:15].decode("utf-8", "surrogateescape"), argv))
        expect(holds=isinstance(found.name, str), otherwise="no name")
        seen.append(f"{found.kind} {found.shell is None}")
    return " ".join(seen)


def _expect_shown(error: WireError) -> str:
    for text in (error.message, error.hint):
        bad = [char for char in text if not is_safe(char) and char != "\n"]
        expect(holds=not bad, otherwise=f"a refusal holds {bad!r}")
        text.encode()
    return f"{error.code} {error.message}"


def _expect_file_fault(error: WireError) -> str:
    expect(holds=error.code is ErrorCode.BAD_FILE, otherwise=f"{error.code} for a file")
    return _expect_shown(error)


# ── seeds ─────────────────────────────────────────────────────────────────────────────────────────────────

_SOME_REQUESTS: Final[tuple[m.Request, ...]] = (
    m.Send(source="a", target="b", message="make", ttl_s=60.0, key="k"),
    m.Send(source="a", target="b", message="세 \u202e", type=m.MessageType.NOTIFICATION, now=True, raw=True),
    m.Workflow(name="w", steps=(m.Step(session="a", command="x"), m.Step(session="b", command="y"))),
    m.Publish(source="a", event="deployment", data="v1"),
    m.Subscribe(session="a", event="e"), m.Queue(limit=3, pending=True), m.Run(name="w", follow=False),
    m.Show(id="msg-1"), m.Events(), m.Hello(client="x"), m.Pipeline(source="a", target="b"),
)  # fmt: skip
_MSGPACK: Final = tuple(
    codec.encode_request(number, request) for number, request in enumerate(_SOME_REQUESTS)
)
_JSON: Final = tuple(
    json.dumps(dict(zip(("id", "method", "params"), msgpack.unpackb(data)[1:], strict=True))).encode()
    for data in _MSGPACK
)
_ANSWERS: Final = tuple(
    msgpack.packb(value)
    for value in (
        [1, 1, None, {"messages": [], "waiting": 0}],
        [1, 1, {"code": "busy", "message": "m", "hint": "h", "data": None}, None],
        [1, None, {"code": "bad_frame", "message": "m"}, None],
        [2, "progress", {"request": 1, "run": "run-1", "workflow": "w", "steps": 1, "step": {}}],
    )
)
_VALUES: Final = tuple(
    msgpack.packb(value)
    for value in (
        None,
        -(2**63),
        2**64 - 1,
        1.5,
        "x" * 300,
        [1] * 20,
        {"a": {"b": [True, "ü"]}},
        list(range(-40, 300)),
    )
)
_CONTROL: Final = (
    b"%begin 1 2 1\nline\n%end 1 2 1\n%sessions-changed\n%exit reason\n",
    b"%begin 1 2 1\n%end 1 2 0\n%error 1 2 1\nstray\n%window-renamed @1 a b\n",
    b"%begin 9 9 1\n0123456789abcdefc$1fedcba98765432100fedcba9876543210xfedcba9876543210\n%end 9 9 1\n",
)  # fmt: skip
_SCREENS: Final = (
    b"$ ls\nfile\n$ ",
    b"\x1b[32muser@host\x1b[0m:\x1b[34m~\x1b[0m$ make\n",
    "╭────╮\n│ > text │\n╰────╯\n".encode(),
    b"dquote> \n> \n(reverse-i-search)`x': ls",
    b"a\r\x1b[2Kb\x1b]0;title\x07\t\x08c\x1b[5C\x1b[3D\x1b[9G",
)
_TABLES: Final = (
    b'{"subscriptions": {"a": [{"event": "e", "action": "notify", "x": [1, {"y": 0}]}], "b": []}, "c": 1.5}',
    b'{"subscriptions": {"\\u202e": [{"event": "e"}]}}',
)
_WORKFLOWS: Final = (
    b'{"name": "deploy", "created": "2025-10-01T05:15:23Z", "steps": [{"session": "a", "command": "b"}]}',
)
_NEIGHBOURS: Final = (
    b'{"aliases": {"m": "claude-manager"}, "sessions": {"a": {"labels": ["x"]}}, "socket_dir": "~/s$HOME"}',
)
_SETTINGS: Final = (
    b'[tmux]\nbinary = "tmux"\nsockets = ["/a"]\n[delivery]\nttl = "1h30m"\nhuman_quiet_s = 2.5\n',
    b'[programs]\ntype_into = ["psql"]\n[queue]\nkeep = 10\n[log]\nmax_bytes = 70000\n[runs]\nkeep = 3\n',
)
_PROGRAMS: Final = (
    b"bash\0-bash\0--norc",
    b"python3\0/usr/bin/python3\0-m\0pdb",
    b"node\0node\0--flag\0/x/claude",
    b"ssh\0ssh\0host",
)

TARGETS: Final = (
    Target("frames", frames, lambda: [*(frame(data) for data in _MSGPACK), b"\n".join(_JSON)]),
    Target("requests", requests, lambda: [*_MSGPACK, *_JSON]),
    Target("answers", answers, lambda: [frame(data) for data in _ANSWERS]),
    Target("packed", packed, lambda: [*_VALUES, *_MSGPACK, *_ANSWERS]),
    Target("table", table, lambda: _TABLES),
    Target("workflow", workflow, lambda: _WORKFLOWS),
    Target("neighbours", neighbours, lambda: _NEIGHBOURS),
    Target("settings", settings, lambda: _SETTINGS),
    Target("journal", journal, lambda: [_segment()[0]]),
    Target("control", control, lambda: _CONTROL),
    Target("screen", screen, lambda: _SCREENS),
    Target("occupant", occupant, lambda: _PROGRAMS),
)
