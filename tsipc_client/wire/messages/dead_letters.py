"""What is done about messages that ended and never came where they should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tsipc_client.wire.messages.sending import Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Send a dead letter once more, as it was; asked again, it answers with the same new message."""

    METHOD: ClassVar[str] = "retry"
    RESULT: ClassVar = Sent
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """Answer to `Purge`: so many messages are listed no more."""

    purged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """List a message that has ended no more (`msg-12`, or `12`); without `id`, all dead letters."""

    METHOD: ClassVar[str] = "purge"
    RESULT: ClassVar = Purged
    id: str = ""
