"""How a file that cannot be used is told to people, and what a store raises besides. Opens nothing.

OSError                      the environment: no room, no permission, a broken disk
WireError(BAD_FILE)          a person's or another program's doing: path, line, column and reason
Changed                      a file was edited between our reading and our writing of it
"""

from __future__ import annotations

from tsipc_client.wire.errors import ErrorCode, WireError, error_from
from tsipc_client.wire.text import visible


class Changed(Exception):
    """The file at `path` is not what was last read: read it again, apply the change again, write again."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} was edited since it was last read"


def bad_file(path: str, reason: str, *, line: int = 0, column: int = 0, hint: str = "") -> WireError:
    """The error for a file that is there and cannot be used; lines and columns count from 1, 0: unknown."""
    reason = visible(reason)
    where = f"line {line}, column {column}: " if line and column else f"line {line}: " if line else ""
    return error_from(
        ErrorCode.BAD_FILE,
        f"{visible(path)}: {where}{reason}",
        hint=visible(hint),
        data={"path": path, "line": line, "column": column, "reason": reason},
    )
