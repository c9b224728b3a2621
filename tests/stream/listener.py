"""A listener that is killed: `python -m tests.stream.listener FOLDER FILE [EVENT...]`.

Writes the number and data of each event to FILE, a line each, and begins behind its last whole line.
"""

from __future__ import annotations

import os
import sys

from tsipc_client.client import Client


def main(folder: str, path: str, *events: str) -> None:
    """Until it is killed."""
    out = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    data = os.read(out, 1 << 28)
    whole = data[: data.rfind(b"\n") + 1]
    os.ftruncate(out, len(whole))
    os.lseek(out, len(whole), os.SEEK_SET)
    start = int(whole.split(b"\n")[-2].split()[0]) + 1 if whole else 0
    with Client(folder, start=False) as client:
        for event in client.listen(*events, start=start):
            os.write(out, f"{event.seq} {event.data}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
