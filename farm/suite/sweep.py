"""Sweep: a value, or a list of values to go through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")


@dataclass(frozen=True)
class ValueOrList:
    """Marks a non-empty tuple that may also be written as one bare value, and its JSON Schema."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_choices, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return value_or_list(handler(schema)["items"])


Sweep: TypeAlias = Annotated[tuple[T, ...], ValueOrList()]


def as_list(value: object) -> list[object]:
    """Return a list or tuple as a list, and any other value as a list of it alone."""
    return list(value) if isinstance(value, list | tuple) else [value]


def value_or_list(item: JsonSchemaValue) -> JsonSchemaValue:
    """Return the JSON Schema of `item`, or a list of at least one of it."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _choices(value: object) -> list[object]:
    choices = as_list(value)
    if not choices:
        raise PydanticCustomError("empty", "an empty list")
    return choices
