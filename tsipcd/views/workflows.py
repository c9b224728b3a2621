"""`workflows/NAME.json`: definitions of workflows. The files are the truth, and people drop them in.

    {"name": NAME, "created": "2025-10-01T05:15:23+00:00", "steps": [{"session": S, "command": C}, ...]}

is version 1: a command is literal text, never expanded. `name` and `created` may be missing; a key that would
change what the steps mean is refused, because running them without it would do something else than its
author wants. With `"version": 2`, and in `NAME.yaml`, it is the language that `tsipcd.workflows` reads.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tsipc_client.wire.errors import BadInput, ErrorCode, Refused, WireError, error_from
from tsipc_client.wire.messages import MAX_BODY_BYTES, FaultView, Saved, Step, Validate, Validated
from tsipc_client.wire.text import visible
from tsipcd.views import document
from tsipcd.views.document import Node
from tsipcd.views.faults import bad_file
from tsipcd.views.filename import file_to_name, is_cut, name_to_file
from tsipcd.views.folder import Folder, Signature
from tsipcd.views.timestamp import iso
from tsipcd.workflows.definition import Workflow, chain
from tsipcd.workflows.language.canonical import canonical
from tsipcd.workflows.language.faults import Fault, Severity
from tsipcd.workflows.language.loading import load

_SUFFIX = ".json"
_YAML = (".yaml", ".yml")
_KEYS = ("name", "created", "steps", "version")
_STEP_KEYS = ("session", "command")
_PLAIN_ONLY = 'without "version": 2 there are plain steps only'
_MOST_SHOWN = 1000
_SHOWN_CHARACTERS = 200
_MOST_READ = 100
"""Definitions that are kept as long as their files do not change."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One workflow, as its file has it now."""

    name: str
    created: datetime | None
    workflow: Workflow


class WorkflowStore:
    """The definitions in the folder `workflows`. Each call looks whether their files have changed."""

    def __init__(self, folder: Folder) -> None:
        """What a killed life left half written there is removed."""
        self._folder = folder
        self._read: dict[str, tuple[Signature, Definition]] = {}
        """By file, as it was when it was read."""
        folder.sweep()

    def read(self, name: str) -> Definition:
        """The definition of `name`. Raises `WireError`: UNKNOWN_WORKFLOW, or BAD_FILE with the place."""
        self._folder.follow()
        file = self._file_of(name)
        signature = self._folder.signature(file)
        known = self._read.get(file)
        if known is not None and signature == known[0] and known[1].name == name:
            return known[1]
        text = self._folder.read_text(file)
        if text is None or signature is None:
            raise self._missing(name)
        found = _parse(text, self._folder.path_of(file), name)
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        self._read[file] = (signature, found)
        return found

    def signature(self, name: str) -> Signature | None:
        """Changes when the definition's file does; None: it has none. Raises `WireError` if it has two."""
        return self._folder.signature(self._file_of(name))

    def write(self, name: str, steps: Iterable[Step], created_at: float) -> tuple[str, bool]:
        """Create or replace the definition; on disk on return. For a thread. Raises `OSError`.

        Returns the file's path and whether there was one.
        """
        file = self._target(name)
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

    def write_text(self, name: str, text: str, file: str, created_at: float) -> Saved:
        """Create or replace the definition by what `text` says; on disk on return. For a thread.

        Raises `WireError` for a text with errors, and `OSError`.
        """
        loaded = load(text, name)
        workflow = loaded.workflow
        if workflow is None:
            raise _refused(loaded.faults, file or "the text")
        target = self._target(name)
        replaced = self._folder.signature(target) is not None
        self._folder.replace(target, document.dump(canonical(workflow, iso(created_at), loaded.description)))
        return Saved(
            name=name,
            path=self._folder.path_of(target),
            steps=_shown(workflow),
            replaced=replaced,
            warnings=tuple(map(_view, loaded.faults)),
        )

    def check(self, request: Validate) -> Validated:
        """What is wrong with a text, or with the file of a workflow. For a thread. Raises `WireError`."""
        text, file = request.text, request.file
        if not text:
            self._folder.follow()
            found = self._file_of(request.name)
            file = self._folder.path_of(found)
            read = self._folder.read_text(found)
            if read is None:
                raise self._missing(request.name)
            text = read
        loaded = load(text, request.name)
        faults = loaded.faults
        return Validated(
            file=file,
            valid=loaded.workflow is not None and not (request.strict and faults),
            faults=tuple(map(_view, faults)),
            steps=len(loaded.workflow.steps) if loaded.workflow is not None else 0,
        )

    def compiled(self, text: str, name: str, file: str) -> Workflow:
        """What a text says. Raises `WireError`."""
        loaded = load(text, name)
        if loaded.workflow is None:
            raise _refused(loaded.faults, file or "the text")
        return loaded.workflow

    def path(self, name: str) -> str:
        """Where the definition of `name` is; of two files the first."""
        try:
            return self._folder.path_of(self._file_of(name))
        except WireError:
            return self._folder.path_of(_file(name))

    def remove(self, name: str) -> str:
        """The definition of `name` is gone for good, however many files had it; gives the path of the last.

        For a thread. Raises `WireError` if there is none, and `OSError`.
        """
        self._folder.follow()
        stem = name_to_file(name)
        there = [stem + suffix for suffix in (_SUFFIX, *_YAML) if self._folder.signature(stem + suffix)]
        if not there:
            raise self._missing(name)
        for file in there:
            self._folder.remove(file)
        os.fsync(self._folder.fd)
        return self._folder.path_of(there[-1])

    def _target(self, name: str) -> str:
        """The file to write. What somebody keeps in YAML is not hidden by it: raises `WireError`."""
        self._folder.follow()
        target = _file(name)
        if (other := self._file_of(name)) != target:
            raise Refused(
                ErrorCode.NOT_ALLOWED,
                f"{self._folder.path_of(other)} defines the workflow {name}",
                hint="edit that file, or remove it first",
            )
        return target

    def _file_of(self, name: str) -> str:
        """The file that defines `name`; the JSON one if there is none. Two are refused."""
        stem = name_to_file(name)
        there = [stem + suffix for suffix in (_SUFFIX, *_YAML) if self._folder.signature(stem + suffix)]
        if len(there) > 1:
            raise bad_file(
                self._folder.path_of(there[1]), f"{there[0]} defines the same workflow", hint="remove one"
            )
        return there[0] if there else stem + _SUFFIX

    def names(self) -> tuple[str, ...]:
        """The names of all files here that can be asked for, whether or not their content is right."""
        stems = {Path(file).stem for file in self._folder.names() if file.endswith((_SUFFIX, *_YAML))}
        found = (self._name_inside(stem) if is_cut(stem) else file_to_name(stem) for stem in stems)
        return tuple(sorted({name for name in found if name}))

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
    if path.endswith(_YAML):
        return _in_language(text, path, name)
    root = document.parse(text, path)
    fields = root.fields("the file")
    if "version" in fields and fields["version"].content != 1:
        return _in_language(text, path, name)
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


def _in_language(text: str, path: str, name: str) -> Definition:
    loaded = load(text, name)
    if loaded.workflow is None:
        fault = next(fault for fault in loaded.faults if fault.severity is Severity.ERROR)
        raise bad_file(path, fault.what, line=fault.line, column=fault.column, hint=fault.hint)
    return Definition(name, None, loaded.workflow)


def _refused(faults: Sequence[Fault], file: str) -> WireError:
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    first, others = errors[0], len(errors) - 1
    more = f"; {others} more: ts-ipc validate {file}" if others else ""
    return BadInput(
        ErrorCode.BAD_PARAMS,
        visible(f"{file}:{first.line}:{first.column}: {first.what}"),
        hint=visible(f"{first.hint or 'mend it, and try again'}{more}"),
        data={"line": first.line, "column": first.column, "reason": first.what},
    )


def _view(fault: Fault) -> FaultView:
    return FaultView(
        line=fault.line,
        column=fault.column,
        what=fault.what,
        hint=fault.hint,
        is_error=fault.severity is Severity.ERROR,
    )


def _shown(workflow: Workflow) -> tuple[Step, ...]:
    """Its steps for people: the beginning of what each does."""
    steps = workflow.steps[:_MOST_SHOWN]
    return tuple(
        Step(session=step.session, command=(step.workflow or step.command)[:_SHOWN_CHARACTERS])
        for step in steps
    )


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
