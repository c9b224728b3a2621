"""A process that works on a journal and dies by SIGKILL at its k-th system call: `FOLDER K WORK`.

Prints a line for each append that was acknowledged. With K 0 it lives until it is done or killed by others.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

from tests.support.countdown import Countdown
from tsipcd.journal.compact import compact
from tsipcd.journal.journal import Journal
from tsipcd.journal.recovery import recover

SEGMENT_BYTES = 4096
GROUP = 3
FEW = 40


class Latest:
    """A fold: the latest value of each key."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def apply(self, payload: bytes) -> None:
        key, _, value = payload.partition(b" ")
        self.values[key] = value

    def snapshot(self) -> Iterator[bytes]:
        return (key + b" " + value for key, value in self.values.items())


def group(number: int) -> list[bytes]:
    """The payloads of one append: keys that come again, and one that never does."""
    return [b"%d %d" % (number % 10 + part, number) for part in range(GROUP - 1)] + [
        b"n%d %200d" % (number, number)
    ]


async def write(folder: str, count: int) -> None:
    """Append `count` groups, several at a time, and say which are durable."""
    journal = Journal.open(recover(folder, lambda *_: None), segment_bytes=SEGMENT_BYTES)
    first = journal.last_sequence // GROUP

    async def append(number: int) -> None:
        await journal.append(group(number))
        os.writev(1, [b"%d\n" % number])

    for start in range(first, first + count, 4):
        await asyncio.gather(*(append(number) for number in range(start, min(start + 4, first + count))))
    await journal.close()


def main() -> None:
    """Run one life."""
    folder, calls, work = sys.argv[1:]
    if int(calls):
        Countdown(int(calls)).watch()
    match work:
        case "compact":
            compact(folder, 10**9, Latest())
        case "idle":
            asyncio.run(write(folder, 0))
        case "endless":
            asyncio.run(write(folder, 10**9))
        case _:
            asyncio.run(write(folder, FEW))


if __name__ == "__main__":
    main()
