"""What every fact is: one MessagePack array `[tag, at, field, ...]`."""

from __future__ import annotations

import msgspec


class Fact(
    msgspec.Struct, frozen=True, gc=False, array_like=True, tag_field="fact", forbid_unknown_fields=True
):
    """Fields are only ever appended, with defaults, and tags never reused; see `tsipcd.core.facts`."""

    at: float
    """Seconds since the epoch."""
