"""The workloads as a suite file sees them: their names, and the parameters that they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from farm.suite.sweep import value_or_list
from jobs import catalogue
from jobs.workload import Workload


class Untitled(GenerateJsonSchema):
    """JSON Schema without the titles that only repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Tell pydantic that no field needs one."""
        return False


def all_workloads() -> list[Workload]:
    """Return every workload, sorted by name."""
    return [catalogue.find(name) for name in catalogue.names()]


def workload_names() -> list[str]:
    """Return every name and alias that a workload answers to, names first."""
    found = all_workloads()
    aliases = {alias for workload in found for alias in workload.aliases}
    return [workload.name for workload in found] + sorted(aliases)


def parameter_schemas() -> dict[str, JsonSchemaValue]:
    """Return the JSON Schema of every parameter of any workload, each as a value or a list."""
    by_key: dict[str, dict[str, JsonSchemaValue]] = {}
    for workload in all_workloads():
        for key in workload.parameters.model_fields:
            by_key.setdefault(key, {})[workload.name] = parameter_schema(workload, key)
    return {key: _merged(schemas) for key, schemas in sorted(by_key.items())}


def parameter_schema(workload: Workload, key: str) -> JsonSchemaValue:
    """Return the JSON Schema of one value of a workload's parameter."""
    schema = workload.parameters.model_json_schema(schema_generator=Untitled)
    found: JsonSchemaValue = schema["properties"][key]
    return found


def refusals(workload: Workload, key: str, value: object) -> Iterator[str]:
    """Yield why the workload refuses this value of its parameter; nothing when it does not.

    The reason is empty where what is accepted says it all.
    """
    try:
        workload.parameters.model_validate({key: value}, strict=True)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"][:1] == (key,):
                yield reason(detail.get("ctx", {}))


def reason(context: dict[str, Any]) -> str:
    """Return what a validator of ours said, or an empty string: pydantic's own words say less."""
    return str(context.get("error", ""))


def _merged(by_workload: dict[str, JsonSchemaValue]) -> JsonSchemaValue:
    said = " ".join(dict.fromkeys(_texts(by_workload.values())))
    items: list[JsonSchemaValue] = []
    for schema in by_workload.values():
        item = {key: schema[key] for key in schema if key not in ("default", "description")}
        if item not in items:
            items.append(item)
    merged = value_or_list(items[0] if len(items) == 1 else {"anyOf": items})
    merged["description"] = f"{said} A parameter of {', '.join(by_workload)}.".strip()
    defaults = [schema.get("default") for schema in by_workload.values()]
    if defaults[0] is not None and all(value == defaults[0] for value in defaults):
        merged["default"] = defaults[0]
    return merged


def _texts(schemas: Iterable[JsonSchemaValue]) -> Iterator[str]:
    for schema in schemas:
        if text := str(schema.get("description", "")).strip().rstrip("."):
            yield f"{text[0].upper()}{text[1:]}."
