"""`SESSION.data`: the last data message for each session, byte for byte. Reads nothing back."""

from __future__ import annotations

from tsipcd.views.filename import name_to_file
from tsipcd.views.folder import Folder


class DataFiles:
    """The data files in the state folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def store(self, session: str, body: str) -> None:
        """Replace the session's file; on disk on return. For a thread. Raises `OSError`."""
        self._folder.replace(_file(session), body.encode())

    def path(self, session: str) -> str:
        """Where the session's data is, or would be."""
        return self._folder.path_of(_file(session))


def _file(session: str) -> str:
    return f"{name_to_file(session)}.data"
