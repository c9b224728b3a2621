"""What can go wrong with the journal, split by what a person does next.

    JournalError
    ├── Corrupt      committed bytes are damaged, or mean nothing: the daemon must not serve; `ts-ipc fsck`
    ├── Newer        written by a newer version: upgrade
    ├── Unsafe       something else than a plain file of ours lies in the folder: look at it, remove it
    ├── Locked       another process works on the folder: wait for it, or end it
    ├── SyncFailed   the disk refused: what was waiting may or may not be durable
    │   └── Displaced  the files were deleted or moved away while they were written
    ├── NoRoom       the disk is full and the journal was closed: what was waiting is not on disk
    └── Unfit        a payload that cannot be understood; whoever reads the file makes it one of the first two

Holds data in attributes and the sentence in `__str__`; decides nothing.
"""

from __future__ import annotations


class JournalError(Exception):
    """Root of all errors of this package."""


class Corrupt(JournalError):
    """Committed bytes are damaged, missing, or mean nothing; nothing was changed on disk."""

    def __init__(self, directory: str, name: str, offset: int, reason: str, *, sequence: int = 0) -> None:
        super().__init__(directory, name, offset, reason)
        self.directory = directory
        self.name = name
        self.offset = offset
        self.reason = reason
        self.sequence = sequence
        """Of the record that means nothing, in the whole frame at `offset`; 0: the bytes are bad."""

    @property
    def path(self) -> str:
        """The damaged file."""
        return f"{self.directory}/{self.name}"

    def __str__(self) -> str:
        return (
            f"the journal is damaged: {self.path} at byte {self.offset}: {self.reason}. Nothing was changed. "
            f"Run `ts-ipc fsck` to see what can be read, `ts-ipc fsck --salvage` to keep what comes before."
        )


class Newer(JournalError):
    """Something that this version does not know; nothing was changed on disk."""

    def __init__(self, path: str, reason: str, *, needs: str = "") -> None:
        super().__init__(path, reason, needs)
        self.path = path
        self.reason = reason
        self.needs = needs
        """The first version that reads it; empty: the file does not tell."""

    def __str__(self) -> str:
        wanted = f"version {self.needs} or later" if self.needs else "a newer version"
        return (
            f"the journal was written by a newer ts-ipc: {self.path}: {self.reason}. Nothing was changed. "
            f"Upgrade ts-ipc to {wanted} to read it."
        )


class Unsafe(JournalError):
    """Something in the folder is not a plain file of ours with one name."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}, so it is not read. Find out who put it there and remove it."


class Locked(JournalError):
    """Another process holds the folder."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} is in use: an earlier daemon's compaction still runs there. Wait for it or end it."
        )


class SyncFailed(JournalError):
    """The disk refused a write or a sync: what waited may or may not be durable."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"the disk failed under {self.path}: {self.cause}. Requests in flight have an unknown outcome; "
            f"repeat them with the same key. Check the disk, then start the daemon again."
        )


class Displaced(SyncFailed):
    """The folder or its live file is not where the next start would look for it."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "it was deleted or moved away")

    def __str__(self) -> str:
        return (
            f"the journal {self.path} was deleted or moved away while the daemon ran. Requests in flight "
            f"have an unknown outcome; repeat them with the same key. A new daemon begins with what is there."
        )


class NoRoom(JournalError):
    """The journal was closed before the disk had room again: none of what waited is on disk."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"no room left under {self.path}: nothing was accepted. Free some disk space and try again."


class Unfit(JournalError):
    """A payload whose bytes are right and that cannot be understood."""

    def __init__(self, reason: str, *, newer: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.newer = newer
        """A newer version wrote it."""

    def at(self, directory: str, name: str, offset: int, sequence: int, what: str) -> Corrupt | Newer:
        """The error with its place: `what` was unfit, in the frame at `offset`."""
        reason = f"{what} cannot be understood: {self.reason}"
        if self.newer:
            return Newer(f"{directory}/{name}", reason)
        return Corrupt(directory, name, offset, reason, sequence=sequence)

    def __str__(self) -> str:
        return self.reason
