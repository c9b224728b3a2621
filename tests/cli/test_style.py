"""One printed line, whatever is in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.cli.samples import HOSTILE
from tsipc_client.render.columns import columns
from tsipc_client.render.style import PLAIN, RUN_TONES, STATUS_TONES, Style, Tone, line
from tsipc_client.wire.messages import RunStatus, Status
from tsipc_client.wire.text import is_safe

TONES = [tone for tone in vars(Tone).values() if isinstance(tone, Tone)]


@given(st.text(alphabet=st.characters(codec=None)))
def test_a_line_holds_nothing_that_moves_the_terminal(text: str) -> None:
    """Controls, direction marks and surrogates come out as visible escapes."""
    assert all(is_safe(char) for char in line(PLAIN, text, (text, Tone.RED)))


@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(TONES)), max_size=5), st.integers(1, 30))
def test_a_line_is_cut_to_the_width_before_it_is_coloured(spans: list[tuple[str, Tone]], width: int) -> None:
    """Colour neither counts as width nor is cut in half."""
    bare = line(Style(width=width), *spans)
    assert columns(bare) <= width
    coloured = line(Style(width=width, colour=True), *spans)
    for tone in TONES:
        coloured = coloured.replace(f"\x1b[{tone}m", "")
    assert coloured.replace("\x1b[0m", "") == bare


def test_hostile_text_shows_what_it_is() -> None:
    """A person sees the escape, not its effect."""
    shown = line(PLAIN, HOSTILE)
    assert r"\x1b[2J" in shown
    assert r"\u202e" in shown
    assert r"\x9b1m" in shown


def test_every_status_has_a_tone() -> None:
    """The tables have exactly the words of the protocol."""
    assert STATUS_TONES.keys() == set(Status)
    assert RUN_TONES.keys() == set(RunStatus)
