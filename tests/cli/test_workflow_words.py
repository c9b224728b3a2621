"""Names of workflows are completed, whatever form their files have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsipc_client.cli import shell_words
from tsipc_client.cli.orders import Options


@pytest.mark.parametrize("command", ["run", "rm", "graph", "validate"])
def test_a_name_is_completed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of JSON and of YAML files; nothing else there is one."""
    monkeypatch.setenv("TS_IPC_DIR", str(tmp_path))
    (tmp_path / "workflows").mkdir()
    for name in ("dep-a.json", "dep-b.yaml", "dep-c.yml", "dep-d.txt", "other.yml"):
        (tmp_path / "workflows" / name).touch()
    shell_words.show([command, "dep"], Options())
    assert capfd.readouterr().out.split() == ["dep-a", "dep-b", "dep-c"]
