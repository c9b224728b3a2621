"""What every peer keeps to: the version, and the largest of everything."""

from __future__ import annotations

WIRE_VERSION = 1
"""Changes when an old peer would misread a new one; has its own golden files, not the package's version."""

MAX_FRAME_BYTES = 1 << 20
"""The largest frame or JSON line, checked before it is read."""

MAX_BODY_BYTES = 1_000_000
"""The largest message or event body, in UTF-8."""

MAX_NAME_BYTES = 255
"""The largest session, event, workflow or label name, in UTF-8."""
