"""The threads that wait for the disk in the loop's place: all there from the start.

A thread that is made when it is needed may not be had any more, and what it was to write would be lost
without a word.
"""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final

THREADS: Final = 4


def hire() -> ThreadPoolExecutor:
    """Threads that wait for work. Raises `OSError` if the system does not give as many."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="worker")
    all_here = Barrier(THREADS)
    try:
        for _ in range(THREADS):
            pool.submit(all_here.wait)
    except RuntimeError as exc:
        all_here.abort()
        raise OSError(errno.EAGAIN, "no thread can be started") from exc
    return pool
