"""What the pages tell people to type, typed."""

from __future__ import annotations

import shutil

import pytest

from tests.docs.conftest import ROOT, Reader, blocks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")]


def test_the_readme_works_as_it_is_written(reader: Reader) -> None:
    """Its quick start, pasted from the first line to the last, does what the text around it says."""
    printed = reader.paste(blocks(ROOT / "README.md", "## Quick start", "## Why"))
    state = reader.home / ".config/ts/ipc"
    assert (state / "claude-fortinet.data").read_text() == '{"status": "ok"}'
    assert "docker ps" in reader.paste("tmux capture-pane -p -t =claude-manager:")
    assert "UI updated" in reader.paste("tmux capture-pane -p -t =claude-planka:")
    assert "END deploy-full run-1 success" in printed
    assert "PUBLISH claude-blacklist [deployment]" in reader.paste("ts-ipc events 100")


@pytest.mark.skipif(shutil.which("socat") is None, reason="needs socat")
def test_the_readme_s_line_of_json_is_answered(reader: Reader) -> None:
    """socat and one line of JSON are a client."""
    reader.paste("ts-ipc daemon start")
    assert '"sessions"' in reader.paste(blocks(ROOT / "README.md", "## How it works", "## More"))


def test_the_quick_start_works_as_it_is_written(reader: Reader) -> None:
    """docs/quickstart.md, pasted from the first line to the last."""
    printed = reader.paste(blocks(ROOT / "docs/quickstart.md", "# Quick start", ""))
    assert "exit status 6" in printed
    assert '{"status": "ok"}' in printed
