"""The table of checks, and going through it: whatever one of them meets, the others are made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from tsipc_client.cli import screen
from tsipc_client.cli.doctor import daemon, folder, programs, tmux, units
from tsipc_client.cli.doctor.finding import Finding, Verdict, skipped, worst
from tsipc_client.cli.doctor.patient import Patient
from tsipc_client.cli.orders import Options
from tsipc_client.cli.statuses import ExitStatus
from tsipc_client.render.json_text import encode
from tsipc_client.render.report import checkup
from tsipc_client.wire.address import state_directory
from tsipc_client.wire.errors import WireError

Check = Callable[[Patient], Iterator[Finding]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("tmux", tmux.binary),
    ("tmux servers", tmux.servers),
    ("state folder", folder.owner),
    ("file system", folder.file_system),
    ("disk space", folder.room),
    ("socket", folder.address),
    ("edited files", folder.edited_files),
    ("daemon", daemon.presence),
    ("disk", daemon.disk),
    ("journal", daemon.journal),
    ("leftovers", folder.leftovers),
    ("held messages", daemon.messages),
    ("PATH", programs.own_path),
    ("daemon's PATH", programs.daemon_path),
    ("shells", programs.shells),
    ("systemd", units.units),
    ("open files", programs.descriptors),
    ("clock", folder.clock),
    ("Python", programs.python),
)
"""What each is about, and how it is found out, in the order of the report."""

_JSON_INDENT = 2


def doctor(options: Options) -> int:
    """Every check was made and told; the exit status says whether something is bad."""
    findings = list(examine(Patient(state_directory(), options.timeout_s)))
    verdict = worst(findings)
    if options.json:
        indent = _JSON_INDENT if screen.is_terminal(sys.stdout) else None
        document = {"verdict": verdict, "checks": [asdict(finding) for finding in findings]}
        screen.put([encode(document, indent=indent)])
    else:
        screen.put(checkup(findings, screen.style_of(sys.stdout)))
    return ExitStatus.UNWELL if verdict is Verdict.BAD else ExitStatus.OK


def examine(patient: Patient) -> Iterator[Finding]:
    """All findings. A check that meets what it did not expect is skipped, with what it met."""
    for name, check in CHECKS:
        try:
            yield from check(patient)
        except subprocess.TimeoutExpired as error:
            yield skipped(name, f"no answer within {error.timeout:.0f} s: {error.cmd[0]}")
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            yield skipped(name, f"it cannot be looked at: {where}{error.strerror}")
        except (ValueError, WireError) as error:
            yield skipped(name, f"it cannot be looked at: {error}")
