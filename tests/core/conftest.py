"""A core that sees two sessions, one named like the other's beginning."""

from __future__ import annotations

import pytest

from tests.support.talk import Talk, session


@pytest.fixture
def talk() -> Talk:
    """A machine that sees claude-manager (%1) and claude-man (%2)."""
    talk = Talk()
    talk.see(session("claude-manager", 1), session("claude-man", 2))
    talk.effects.clear()
    return talk
