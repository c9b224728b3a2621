"""`workflows/NAME.json`: definitions of workflows. The files are the truth, and people drop them in.

    {"name": NAME, "created": "2025-10-01T05:15:23+00:00", "steps": [{"session": S, "command": C}, ...]}

A command is literal text, never expanded. `name` and `created` may be missing; a key that would change what
the steps mean is refused, because running them without it would do something else than its author wants.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tsipc_client.wire.errors import ErrorCode, WireError, error_from
from tsipc_client.wire.messages import MAX_BODY_BYTES, Step
from tsipcd.views import document
from tsipcd.views.document import Node
from tsipcd.views.faults import bad_file
from tsipcd.views.filename import file_to_name, is_cut, name_to_file
from tsipcd.views.folder import Folder, Signature
from tsipcd.views.timestamp import iso
from tsipcd.workflows.definition import Workflow, chain

_SUFFIX = ".json"
_YAML = (".yaml", ".yml")
_KEYS = ("name", "created", "steps", "version")
_STEP_KEYS = ("session", "command")
_PLAIN_ONLY = "this version runs plain steps only"


@dataclass(frozen=True, slots=True)
class Definition:
    """One workflow, as its file has it now."""

    name: str
    created: datetime | None
    workflow: Workflow


class WorkflowStore:
    """The definitions in the folder `workflows`. Keeps nothing in memory: each call looks at the files."""

    def __init__(self, folder: Folder) -> None:
        """What a killed life left half written there is removed."""
        self._folder = folder
        folder.sweep()

    def read(self, name: str) -> Definition:
        """The definition of `name`. Raises `WireError`: UNKNOWN_WORKFLOW, or BAD_FILE with the place."""
        file = _file(name)
        self._folder.follow()
        text = self._folder.read_text(file)
        if text is None:
            raise self._missing(name)
        return _parse(text, self._folder.path_of(file), name)

    def signature(self, name: str) -> Signature | None:
        """Changes when the definition's file does; None: it has none."""
        return self._folder.signature(_file(name))

    def write(self, name: str, steps: Iterable[Step], created_at: float) -> tuple[str, bool]:
        """Create or replace the definition; on disk on return. For a thread. Raises `OSError`.

        Returns the file's path and whether there was one.
        """
        file = _file(name)
        self._folder.follow()
        replaced = self._folder.signature(file) is not None
        data = document.dump(
            {
                "name": name,
                "created": iso(created_at),
                "steps": [{"session": step.session, "command": step.command} for step in steps],
            }
        )
        self._folder.replace(file, data)
        return self._folder.path_of(file), replaced

    def names(self) -> tuple[str, ...]:
        """The names of all files here that can be asked for, whether or not their content is right."""
        stems = (file.removesuffix(_SUFFIX) for file in self._folder.names() if file.endswith(_SUFFIX))
        found = (self._name_inside(stem) if is_cut(stem) else file_to_name(stem) for stem in stems)
        return tuple(sorted(name for name in found if name))

    def _name_inside(self, stem: str) -> str | None:
        """The name of a file whose file name is cut; None if the content does not tell."""
        path = self._folder.path_of(stem + _SUFFIX)
        try:
            text = self._folder.read_text(stem + _SUFFIX)
            name = None if text is None else document.parse(text, path).fields("it")["name"].name("it")
        except (WireError, KeyError):
            return None
        return name if name and name_to_file(name) == stem else None

    def _missing(self, name: str) -> WireError:
        stem = name_to_file(name)
        for suffix in _YAML:
            if self._folder.signature(stem + suffix) is not None:
                return bad_file(
                    self._folder.path_of(stem + suffix),
                    "workflows in YAML are not supported by this version",
                    hint=f"write it as {stem}{_SUFFIX}",
                )
        names = self.names()
        nearest = difflib.get_close_matches(name, names, n=5)
        if nearest:
            hint = f"did you mean {', '.join(nearest)}?"
        elif names:
            hint = f"the workflows are in {self._folder.path}"
        else:
            hint = "there are none yet; create one with: ts-ipc workflow NAME 'SESSION:COMMAND'..."
        return error_from(
            ErrorCode.UNKNOWN_WORKFLOW, f"no workflow {name}", hint=hint, data={"nearest": nearest}
        )


def _file(name: str) -> str:
    return name_to_file(name) + _SUFFIX


def _parse(text: str, path: str, name: str) -> Definition:
    root = document.parse(text, path)
    fields = root.fields("the file")
    if "version" in fields and fields["version"].content != 1:
        raise fields["version"].error("this version of ts-ipc runs workflows of version 1 only")
    _check_keys(fields, _KEYS, "a workflow")
    if "name" in fields and (inside := fields["name"].text('"name"')) != name:
        raise fields["name"].error(
            f'"name" is "{inside}", but the file is the one of "{name}"',
            "correct the name, or rename the file",
        )
    if "steps" not in fields:
        raise root.error(
            '"steps" is missing', 'the form is {"steps": [{"session": "...", "command": "..."}]}'
        )
    steps = tuple(_step(node) for node in fields["steps"].items('"steps"'))
    if not steps:
        raise fields["steps"].error("there are no steps")
    created = _created(fields["created"]) if "created" in fields else None
    return Definition(name, created, chain(name, ((step.session, step.command) for step in steps)))


def _step(node: Node) -> Step:
    fields = node.fields("a step")
    _check_keys(fields, _STEP_KEYS, "a step")
    for key in _STEP_KEYS:
        if key not in fields:
            raise node.error(f'"{key}" is missing in this step')
    command = fields["command"].text('"command"')
    if len(command.encode()) > MAX_BODY_BYTES:
        raise fields["command"].error(f'"command" is longer than {MAX_BODY_BYTES} bytes')
    return Step(session=fields["session"].name('"session"'), command=command)


def _check_keys(fields: dict[str, Node], known: tuple[str, ...], what: str) -> None:
    for key, node in fields.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"the keys of {what} are {', '.join(known)}"
            raise node.error(f'{what} has the key "{key}"; {_PLAIN_ONLY}', hint)


def _created(node: Node) -> datetime:
    text = node.text('"created"')
    try:
        created = datetime.fromisoformat(text)
    except ValueError:
        raise node.error(f'"{text}" is no date', "the form is 2025-10-01T05:15:23+00:00") from None
    return created if created.tzinfo else created.replace(tzinfo=UTC)
