r"""The script a step types: one line that sources a file. Pure text, one set of files per shell language.

The sourced file (`step`)

1. claims itself: `claim` is created exclusively, and holds the shell's pid. It can never run twice;
2. prints the begin marker;
3. runs the user's text, unmodified, in that very shell, so that `cd`, variables and functions persist;
4. writes the exit status to `status`, as one line in one write: without its newline it is not there yet;
5. prints the end marker, and returns the status.

Markers are OSC sequences: terminals show nothing, and a typed line cannot contain them. They go to /dev/tty,
because the text may redirect the shell (`exec >file`). Only what is built into the shells is used: nothing
depends on PATH, and little on aliases.

The user's text stands in a file of its own where possible. `command .` keeps dash and ksh from leaving all
files at once at an error; ksh cuts the status of a file to 8 bits, so there it is taken inside of it.
"""

from __future__ import annotations

import re
from pathlib import Path

from tsipc_client.wire.printed import begin_marker, end_marker
from tsipcd.tmux.programs import SHELLS, Dialect

Environment = tuple[tuple[str, str], ...]
"""Variables and their values, in order."""

STEP = "step"
COMMAND = "command"
CLAIM = "claim"
STATUS = "status"
OUTPUT = "output"
OUTPUT_VARIABLE = "TS_OUTPUT"
OURS = "TS_"
"""Variables that begin so are ours: nobody else's are hidden by them."""
_INNER = "inner"

_KSH_SIGNAL = 256

_POSIX = r"""# ts-ipc: @NAME@. Runs the command beside this file, once, in the shell that reads it.
(set -C; \printf '%s\n' "$$" >@CLAIM@) 2>/dev/null || {
  \printf 'ts-ipc: @NAME@ has been run already\n' >&2
  return 1
}
@SET@
{ \printf '@BEGIN@' >/dev/tty; } 2>/dev/null || :
@RUN@
@RESTORE@
eval "\\unset __ts_ipc @OURS@; \\return $__ts_ipc"
"""

# A variable of the workflow is the shell's own again behind the step, exported or not as it was.
_KEEP = r"""if [ -n "${@VAR@+x}" ]; then
  __ts_ipc_@VAR@=$@VAR@ __ts_ipc_x_@VAR@=1
  case "
$(\export -p)" in
    *"
export @VAR@="* | *"
declare -x @VAR@="* | *"
typeset -x @VAR@="*) __ts_ipc_x_@VAR@=2 ;;
  esac
fi
"""

_GIVE_BACK = r"""\unset @VAR@
if [ -n "${__ts_ipc_x_@VAR@-}" ]; then
  @VAR@=$__ts_ipc_@VAR@
  [ "$__ts_ipc_x_@VAR@" = 1 ] || \export @VAR@
  \unset __ts_ipc_@VAR@ __ts_ipc_x_@VAR@
fi
"""

_RUN_BASH = r""". @COMMAND@
__ts_ipc=$?
\printf '%s\n' "$__ts_ipc" >|@STATUS@
{ \printf '@END@' >/dev/tty; } 2>/dev/null || :"""

_RUN_DASH = r"""command . @COMMAND@
__ts_ipc=$?
\printf '%s\n' "$__ts_ipc" >|@STATUS@
{ \printf '@END@' >/dev/tty; } 2>/dev/null || :"""

# ksh reads a variable as it reads a command, and keeps no file open: descriptor 9 shows that the text still
# runs. Behind it there is no status yet if the text said `return`.
_RUN_KSH = r"""if [ -e /dev/fd/9 ]; then
  command . @INNER@
else
  { command . @INNER@; } 9<@INNER@
fi
__ts_ipc=$?
[ -e @STATUS@ ] || \printf '%s\n' "$__ts_ipc" >|@STATUS@
{ \printf '@END@' >/dev/tty; } 2>/dev/null || :"""

_INNER_KSH = r"""command eval @TEXT@
\printf '%s\n' "$?" >|@STATUS@
"""

# What follows `always` runs after an interrupt too; one of a loop leaves the status 0.
_RUN_ZSH = r"""{
  . @COMMAND@
} always {
  __ts_ipc=$?
  [[ $TRY_BLOCK_INTERRUPT != 1 || $__ts_ipc != 0 ]] || __ts_ipc=130
  \printf '%s\n' "$__ts_ipc" >|@STATUS@
  { \printf '@END@' >/dev/tty; } 2>/dev/null || :
}"""

_RUN = {Dialect.BASH: _RUN_BASH, Dialect.DASH: _RUN_DASH, Dialect.KSH: _RUN_KSH, Dialect.ZSH: _RUN_ZSH}

_FISH = r"""# ts-ipc: @NAME@. Runs the command beside this file, once, in the shell that reads it.
if not builtin printf '%s\n' $fish_pid 2>/dev/null >?@CLAIM@
    builtin printf 'ts-ipc: @NAME@ has been run already\n' >&2
    return 1
end
@SET@
builtin printf '@BEGIN@' >/dev/tty
source @COMMAND@
set -l __ts_ipc $status
builtin printf '%s\n' $__ts_ipc >@STATUS@
builtin printf '@END@' >/dev/tty
return $__ts_ipc
"""

_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")
_PLACEHOLDER = re.compile(r"@([A-Z]+)@")


def typed_line(shell: str, folder: Path) -> str:
    """What is typed: it sources the script. The space keeps it out of many shells' history."""
    dialect = _dialect(shell)
    path = str(folder / STEP)
    if not _PLAIN.fullmatch(path):
        path = _word(path, dialect)
    return f" source {path}" if dialect is Dialect.FISH else f" . {path}"


def script_files(
    shell: str, folder: Path, run: int, index: int, text: str, *, environment: Environment = ()
) -> dict[str, str]:
    """The files to put into `folder`, by name. `shell` is the name of a shell that has a dialect.

    The command sees `environment` beside what the shell has, and behind it the shell is as it was.
    """
    dialect = _dialect(shell)
    words = {
        "NAME": f"run-{run}, step {index}" if run else f"msg-{index}",
        "BEGIN": _escaped(begin_marker(run, index)),
        "END": _escaped(end_marker(run, index)),
        "TEXT": _word(text, dialect),
        **_environment((*environment, (OUTPUT_VARIABLE, str(folder / OUTPUT))), dialect),
        **{name.upper(): _word(str(folder / name), dialect) for name in (COMMAND, CLAIM, STATUS, _INNER)},
    }
    step = _FISH if dialect is Dialect.FISH else _POSIX
    files = {STEP: _fill(step, {**words, "RUN": _fill(_RUN.get(dialect, ""), words)})}
    if dialect is Dialect.KSH:
        files[_INNER] = _fill(_INNER_KSH, words)
    else:
        files[COMMAND] = f"{text}\n"
    return files


def _environment(environment: Environment, dialect: Dialect) -> dict[str, str]:
    """The parts of a script that set variables, and put back what they hid."""
    if dialect is Dialect.FISH:
        # Local to the file that is sourced.
        lines = (f"set -lx {name} {_word(value, dialect)}" for name, value in environment)
        return {"SET": "\n".join(lines)}
    theirs = [name for name, _ in environment if not name.startswith(OURS)]
    ours = " ".join(name for name, _ in environment if name.startswith(OURS))
    kept = "".join(_fill(_KEEP, {"VAR": name}) for name in theirs)
    values = " ".join(f"{name}={_word(value, dialect)}" for name, value in environment)
    restored = "".join(_fill(_GIVE_BACK, {"VAR": name}) for name in theirs)
    return {"SET": f"{kept}\\export {values}", "RESTORE": restored, "OURS": ours}


def exit_code_in(status: str) -> int | None:
    """The exit status that the status file holds, 0 to 255; None: it is not complete."""
    if not status.endswith("\n") or not status.strip().isdigit():
        return None
    code = int(status)
    # ksh gives 256 + signal for what other shells give as 128 + signal.
    return 128 + code - _KSH_SIGNAL if code >= _KSH_SIGNAL else code


def _dialect(shell: str) -> Dialect:
    known = SHELLS.get(shell)
    if known is None or known.dialect is None:
        raise ValueError(f"no scripts can be written for {shell or 'an unknown shell'}")
    return known.dialect


def _fill(template: str, words: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words[match.group(1)], template)


def _word(text: str, dialect: Dialect) -> str:
    """`text` as one word of the language, in single quotes."""
    if dialect is Dialect.FISH:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(marker: bytes) -> str:
    """The marker for `printf`: the script's own text does not contain it."""
    return marker.decode().replace("\x1b", r"\033").replace("\x07", r"\007")
