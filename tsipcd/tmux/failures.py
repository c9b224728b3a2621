"""Why a request to a tmux server was not answered.

TmuxError ─┬─ Unsent     it was never sent: nothing was done, and nothing will be
           ├─ Deadline   no answer in time: it may have been done, or may still be
           ├─ Lost       the connection ended before the answer: it may have been done
           └─ Gone       the server, or the life of it that was meant, has exited
"""

from __future__ import annotations


class TmuxError(Exception):
    """A request to a tmux server was not answered."""


class Deadline(TmuxError):
    """No answer in time: the request may have been carried out, or may still be."""


class Lost(TmuxError):
    """The connection ended before the answer: the request may have been carried out."""


class Unsent(TmuxError):
    """There was no connection, or no room: the request was not sent and will not be carried out."""


class Gone(TmuxError):
    """The server, or the life of it that was meant, has exited."""
