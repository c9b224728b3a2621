"""Files of ours that tmux and shells reach by their path: made for us alone, never through something planted.

The state folder is closed to others. But what lies in it may have been put there before it was, or by
accident: links, pipes and devices are not followed, not waited for and not written to.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_WORD_BYTES = 64
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make_folder(path: Path) -> None:
    """`path` is a folder of ours, 0700 if it is made now. Its parent is there. Raises `OSError`."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder of ours", str(path)) from None


def open_plain(path: Path, flags: int) -> int:
    """A descriptor of the plain file `path`, which has no other name; made (0600) with `O_CREAT`.

    `O_TRUNC` empties it only once that is known. Raises `OSError`.
    """
    fd = os.open(path, (flags & ~os.O_TRUNC) | _FILE, 0o600)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no plain file with one name", str(path))
    if flags & os.O_TRUNC:
        os.ftruncate(fd, 0)
    return fd


def read_word(path: Path) -> str:
    """The line of ASCII that a shell has written there; empty: nothing yet, or no plain file."""
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            return file.read(_WORD_BYTES).decode("ascii", "replace")
    except OSError:
        return ""
