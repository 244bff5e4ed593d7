"""Every mistake of a suite file, found at once and put in the words of the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from farm.suite.file import Document
from farm.suite.mistake import (
    UNREADABLE,
    Mistake,
    accepted,
    received,
    suggestion,
)
from farm.suite.parameters import all_workloads, parameter_schema, reason, refusals
from farm.suite.schema import Combination, Defaults, Job, Settings, SuiteFile, json_schema
from farm.suite.sweep import as_list, value_or_list
from jobs.catalogue import find
from jobs.errors import UnknownNameError, did_you_mean
from jobs.problem import KeyPath
from jobs.workload import Workload


def mistakes(document: Document) -> Iterator[Mistake]:
    """Yield what is wrong with the document; what only its expansion shows is not among it."""
    yield from document.mistakes
    content = document.content
    if content is None:
        yield Mistake((), "the file is empty; accepted: a mapping with the key 'jobs'")
    elif content is not UNREADABLE:
        yield from _model_mistakes(document)
    if isinstance(content, dict):
        yield from _defaults_mistakes(content)
        for index, job in enumerate(_list(content, "jobs")):
            if isinstance(job, dict):
                yield from _job_mistakes(("jobs", index), job)
        yield from _needing_batch_size(content)


def _model_mistakes(document: Document) -> Iterator[Mistake]:
    """Translate what pydantic finds."""
    try:
        SuiteFile.model_validate(document.content)
    except ValidationError as error:
        schema = json_schema()
        for detail in error.errors(include_url=False):
            mistake = _translated(detail, document, schema)
            if document.value(mistake.path) is not UNREADABLE:
                yield mistake


def _translated(detail: ErrorDetails, document: Document, schema: dict[str, Any]) -> Mistake:
    path = detail["loc"]
    if detail["type"] == "missing":
        text = f"needs the key {path[-1]!r}; accepted: {accepted(_part(schema, path))}"
        return Mistake(path[:-1], text)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path, list(schema["properties"]))
    if path and isinstance(path[-1], int) and path not in document.lines:
        path = path[:-1]  # a bare value, which the model took for a list of one
    why = reason(detail.get("ctx", {}))
    return _refused(path, document.value(path), _part(schema, path), why)


def _part(schema: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """Return what a JSON Schema says of the value at a path, references resolved."""
    part = schema
    for step in path:
        if isinstance(step, int):
            part = next(each for each in [part, *part.get("anyOf", [])] if "items" in each)["items"]
        else:
            part = part["properties"][step]
        if "$ref" in part:
            part = {**schema["$defs"][part["$ref"].rpartition("/")[2]], **part}
    return part


def _refused(path: KeyPath, value: object, expected: dict[str, Any], why: str) -> Mistake:
    text = f"received {received(value)}{suggestion(value, expected)}{': ' if why else ''}{why}"
    return Mistake(path, f"{text}; accepted: {accepted(expected)}")


def _unknown_key(path: KeyPath, known: Sequence[str]) -> Mistake:
    hint = did_you_mean(str(path[-1]), known)
    return Mistake(path, f"unknown key{hint}; accepted: {', '.join(known)}")


def _defaults_mistakes(content: Mapping[str, object]) -> Iterator[Mistake]:
    defaults = _mapping(content, "defaults")
    used = [workload for job in _list(content, "jobs") for workload in _named(job)]
    for key in _parameters_in(defaults, Defaults):
        users = [workload for workload in used if key in workload.parameters.model_fields]
        yield from _parameter_mistakes(("defaults", key), defaults[key], Defaults, users)


def _job_mistakes(path: KeyPath, job: Mapping[str, object]) -> Iterator[Mistake]:
    workloads = _named(job)
    for key in _parameters_in(job, Job):
        yield from _parameter_mistakes((*path, key), job[key], Job, workloads)
    for part in ("include", "exclude"):
        for index, item in enumerate(_list(job, part)):
            if not isinstance(item, dict):
                continue
            place = (*path, part, index)
            if not item:
                yield Mistake(place, "received an empty mapping; accepted: at least one key")
            named = _named(item) or workloads
            for key in _parameters_in(item, Combination):
                holders = [each for each in named if key in each.parameters.model_fields]
                # An exclusion is about those combinations only that have its keys.
                about = named if part == "include" else holders or named
                yield from _parameter_mistakes((*place, key), item[key], Combination, about)


def _needing_batch_size(content: Mapping[str, object]) -> Iterator[Mistake]:
    lacking = [
        index
        for index, job in enumerate(_list(content, "jobs"))
        if isinstance(job, dict)
        and "batch_size" not in {*job, *_mapping(content, "defaults")}
        and not _needs_none(job)
    ]
    if lacking:
        expected = accepted(_part(json_schema(), ("defaults", "batch_size")))
        text = f"needs the key 'batch_size', here or in defaults; accepted: {expected}"
        yield from (Mistake(("jobs", index), text) for index in lacking)


def _needs_none(job: Mapping[str, object]) -> bool:
    """Return whether none of the job's workloads has a batch size."""
    named = _named(job)
    return bool(named) and not any(workload.batched for workload in named)


def _parameter_mistakes(
    path: KeyPath, value: object, model: type[Settings], workloads: Sequence[Workload]
) -> Iterator[Mistake]:
    """Yield why a key is no parameter of these workloads (of any, when none), or its value none."""
    key = str(path[-1])
    known = all_workloads()
    if not any(key in workload.parameters.model_fields for workload in known):
        own = (name for each in workloads or known for name in each.parameters.model_fields)
        yield _unknown_key(path, [*model.model_fields, *dict.fromkeys(own)])
        return
    found: dict[Mistake, None] = {}
    for workload in workloads or known:
        parameters = list(workload.parameters.model_fields)
        if key in parameters:
            found.update(dict.fromkeys(_value_mistakes(path, value, workload)))
        elif workloads:
            text = f"{workload.name} has no such parameter"
            found[Mistake(path, f"{text}; it has: {', '.join(parameters) or 'none'}")] = None
    yield from found


def _value_mistakes(path: KeyPath, value: object, workload: Workload) -> Iterator[Mistake]:
    schema = parameter_schema(workload, str(path[-1]))
    if value == []:
        yield _refused(path, value, value_or_list(schema), "")
    for index, each in enumerate(as_list(value)):
        if each is UNREADABLE:
            continue
        in_list = isinstance(value, list)
        expected = schema if in_list else value_or_list(schema)
        for why in refusals(workload, str(path[-1]), each):
            yield _refused((*path, index) if in_list else path, each, expected, why)


def _parameters_in(mapping: Mapping[str, object], model: type[Settings]) -> list[str]:
    return [key for key in mapping if key not in model.model_fields]


def _named(job: object) -> list[Workload]:
    """Return the workloads that a job or combination names; the models report wrong names."""
    found = []
    for name in as_list(job.get("workload")) if isinstance(job, dict) else []:
        with suppress(UnknownNameError):
            found.append(find(str(name)))
    return found


def _list(content: Mapping[str, object], key: str) -> list[object]:
    value = content.get(key)
    return value if isinstance(value, list) else []


def _mapping(content: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}
