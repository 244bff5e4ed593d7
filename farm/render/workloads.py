"""The workloads in words: a table for the terminal, and the pages of `docs/workloads.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from farm.render import units
from jobs.capabilities import Capabilities
from jobs.workload import Workload


def lacking(workload: Workload, has: Capabilities) -> str | None:
    """Return why a machine cannot run the workload on any backend, or None where it can."""
    reasons = []
    for backend in workload.backends:
        try:
            reasons.append(workload.lacking(workload.default_cell(backend), has))
        except Exception as error:  # noqa: BLE001 - of somebody's file: named, never fatal
            reasons.append(f"its `lacking` fails: {type(error).__name__}: {error}")
    return None if None in reasons else reasons[0]


def facts(workload: Workload, has: Capabilities) -> dict[str, Any]:
    """Return what `farm workloads --json` says of one."""
    why = lacking(workload, has)
    return {
        "name": workload.name,
        "source": workload.source,
        "backends": list(workload.backends),
        "needs": list(workload.needs),
        "runnable": why is None,
        "reason": why,
    }


def details(workload: Workload) -> dict[str, Any]:
    """Return all that there is to say of one, whatever the machine."""
    fields = workload.parameters.model_fields.items()
    return {
        "summary": workload.summary,
        "aliases": list(workload.aliases),
        "version": workload.version,
        "modes": list(workload.modes),
        "protocols": list(workload.protocols),
        "precisions": list(workload.precisions),
        "data": list(workload.data_sources),
        "optimizer": workload.optimizer,
        "epochs": workload.epochs,
        "parameters": {
            name: {"default": field.default, "description": field.description}
            for name, field in fields
        },
    }


def page(workloads: Iterable[Workload]) -> str:
    """Return the reference of these workloads in Markdown, one section each."""
    return "\n\n".join(_section(workload) for workload in workloads)


def _section(workload: Workload) -> str:
    said = details(workload)
    rows: list[tuple[str, str]] = [
        ("source", workload.source),
        ("in short", _codes(said["aliases"])),
        ("backends", _codes(workload.backends)),
        ("needs", "; ".join(workload.needs)),
        ("data", _codes(said["data"])),
        ("modes", _codes(said["modes"])),
        ("protocols", _codes(said["protocols"])),
        ("precisions", _codes(said["precisions"])),
        ("optimizer", _codes([workload.optimizer] if workload.optimizer else [])),
        ("epochs of `train`", "" if workload.epochs is None else units.scalar(workload.epochs)),
        ("batch size", "" if workload.batched else "none"),
    ]
    lines = [f"### `{workload.name}`", "", _sentence(workload.summary), "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(text)} |" for name, text in rows if text]
    if said["parameters"]:
        lines += ["", "| parameter | what it is | default |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_cell(each['description'] or '')} | {_default(each['default'])} |"
            for name, each in said["parameters"].items()
        ]
    return "\n".join(lines)


def _default(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else units.scalar(value)


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
