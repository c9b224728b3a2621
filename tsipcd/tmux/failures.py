"""Why a request to a tmux server was not answered.

TmuxError ─┬─ Unsent     it was never sent: nothing was done, and nothing will be
           ├─ Deadline   no answer in time: it may have been done, or may still be
           ├─ Short      we lack what it takes for now, such as a descriptor: it may have been done
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


class Short(TmuxError):
    """We are out of descriptors, processes or room: the server is not to blame, and the same may do later."""


class Unsent(TmuxError):
    """There was no connection, or no room: the request was not sent and will not be carried out."""


class Gone(TmuxError):
    """The server, or the life of it that was meant, has exited."""
