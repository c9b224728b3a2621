"""The bytes of the protocol, version 1: one request and one answer of each method, in both encodings.

What is in `tests/data/wire/v1` was released and never changes; a new method adds a file. To write a missing
one: `python -m tests.wire.golden`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgpack

from tests.wire.samples import NUMBER, PROGRESS, SAMPLES
from tsipc_client.wire import codec
from tsipc_client.wire.errors import ErrorCode, UnknownSession
from tsipc_client.wire.frames import frame
from tsipcd.server import encode

FOLDER = Path(__file__).resolve().parents[1] / "data/wire/v1"

ERROR = UnknownSession(
    ErrorCode.UNKNOWN_SESSION,
    "no session is called 'claude-manger'",
    hint="did you mean 'claude-manager'?",
    data={"nearest": ["claude-manager"]},
)

Golden = dict[str, dict[str, str]]


def encoded() -> Iterator[tuple[str, Golden]]:
    """Name and content of each golden file, as today's code encodes it."""
    for request, result in SAMPLES:
        packed = frame(codec.encode_request(NUMBER, request))
        params = msgpack.unpackb(packed[4:])[3]
        line = {"jsonrpc": "2.0", "id": NUMBER, "method": request.METHOD, "params": params}
        yield (
            request.METHOD,
            {
                "request": both(packed, json.dumps(line, ensure_ascii=False).encode() + b"\n"),
                "response": both(
                    encode.result(NUMBER, result, lines=False), encode.result(NUMBER, result, lines=True)
                ),
            },
        )
    yield (
        "progress",
        {
            "notification": both(
                encode.progress(NUMBER, PROGRESS, lines=False), encode.progress(NUMBER, PROGRESS, lines=True)
            )
        },
    )
    yield (
        "error",
        {
            "response": both(
                encode.failure(NUMBER, ERROR, lines=False), encode.failure(NUMBER, ERROR, lines=True)
            )
        },
    )


def both(packed: bytes, line: bytes) -> dict[str, str]:
    return {"msgpack": packed.hex(), "json": line.decode()}


def read(name: str) -> Golden:
    """What the golden file of this name holds."""
    golden: Golden = json.loads((FOLDER / f"{name}.json").read_text())
    return golden


def write_missing() -> None:
    """Write the golden files that are not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, golden in encoded():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            path.write_text(json.dumps(golden, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    write_missing()
