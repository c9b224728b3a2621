"""What payloads mean: each is a fact that the state must be able to take in after those before it.

A checksum says that bytes are as they were written. This says that they can be understood: a fact of a newer
version, or one that cannot follow the earlier ones, is found here, before anything is done with the rest.
"""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from tsipcd.core import facts as f
from tsipcd.core.delivery import IllegalMove
from tsipcd.core.runs import facts as rf
from tsipcd.core.state import State
from tsipcd.journal.errors import Unfit

_FIELDS: Final = {kind.__struct_config__.tag: len(kind.__struct_fields__) for kind in get_args(f.Fact)}
"""How many fields this version knows of each kind of fact, by its tag."""

_NESTING: Final = frozenset({rf.RunStarted, rf.RunKept, f.KeyKept})
"""Facts that hold maps, in which the decoder passes over keys that it does not know."""


def apply(state: State, payload: bytes) -> f.Fact:
    """The fact that `payload` is, taken in by `state`. Raises `Unfit`."""
    try:
        fact = f.decode(payload)
    except msgspec.ValidationError as exc:
        raise _misfit(payload, str(exc)) from exc
    except msgspec.DecodeError as exc:
        raise Unfit(f"it is no fact: {exc}") from exc
    if type(fact) in _NESTING and len(f.encode(fact)) < len(payload):
        raise Unfit(f"{_tag(fact)!r} holds more than this version knows of", newer=True)
    try:
        state.apply(fact)
    except IllegalMove as exc:
        raise Unfit(f"{_tag(fact)!r} cannot follow what is before it: {exc}") from exc
    except KeyError as exc:
        raise Unfit(f"{_tag(fact)!r} is about number {exc}, which is not there") from exc
    return fact


def _misfit(payload: bytes, reason: str) -> Unfit:
    """Whether a newer version wrote it, or nobody."""
    raw = msgspec.msgpack.decode(payload)
    match raw:
        case [str(tag), *_] if tag not in _FIELDS:
            return Unfit(f"{tag!r} is a kind of fact that this version does not know", newer=True)
        case [str(tag), *fields] if len(fields) > _FIELDS[tag]:
            return Unfit(f"{tag!r} has more fields than this version knows of", newer=True)
        case [str(tag), *_] if "Invalid enum value" in reason:
            return Unfit(f"{tag!r} holds a value that this version does not know: {reason}", newer=True)
        case _:
            return Unfit(f"it is no fact: {reason}")


def _tag(fact: f.Fact) -> object:
    return fact.__struct_config__.tag
