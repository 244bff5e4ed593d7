"""The models of a suite file, and the JSON Schema that editors complete it from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from farm.suite.mistake import DURATION_PATTERN
from farm.suite.parameters import Untitled, parameter_schemas, workload_names
from farm.suite.selector import Selector
from farm.suite.sweep import Sweep
from jobs.catalogue import catalogue
from jobs.spec import (
    LARGEST,
    MAX_BATCH_SIZE,
    MAX_EPOCHS,
    MAX_REPEATS,
    MAX_TIMEOUT_SECONDS,
    Backend,
    DataPipeline,
    DataSource,
    Effort,
    Mode,
    Name,
    Optimizer,
    Precision,
    Protocol,
)

MAX_DESCRIPTION = 1_000  # characters
DEFAULT_SEED = 42
DEFAULT_REPEATS = 3
DEFAULT_TIMEOUT_SECONDS = 3600.0

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(DURATION_PATTERN.removesuffix("$"), value):
        raise ValueError  # what is accepted says it all
    text = value.strip()
    return float(text[:-1]) * _SECONDS[text[-1]]


def _canonical(name: str) -> str:
    there = catalogue()
    found = there.workloads.get(name) or there.aliases.get(name)
    if found is None:
        raise ValueError  # what is accepted says it all
    return found.name


class _ListsWorkloads:
    """Gives a string the JSON Schema of a workload's name; they are looked up only when asked."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        listed = "a name or alias that `farm workloads` lists"
        return {"type": "string", "enum": workload_names(), "$comment": listed}


_EFFORT = Effort()


def _written(most: float, *, zero: bool = False) -> WithJsonSchema:
    """Return the JSON Schema of seconds as a number, or written as ``90s``, ``15m`` or ``2h``."""
    low: dict[str, Any] = {"minimum": 0} if zero else {"exclusiveMinimum": 0}
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", **low, "maximum": most},
                {"type": "string", "pattern": DURATION_PATTERN},
            ]
        }
    )


def _batch_size(value: object) -> object:
    counted = isinstance(value, int) and not isinstance(value, bool)
    if value == LARGEST or (counted and 1 <= value <= MAX_BATCH_SIZE):  # type: ignore[operator]
        return value
    raise ValueError  # what is accepted says it all


_MAX_LAP = 3600
_Some: TypeAlias = Annotated[float, Field(strict=True, gt=0, le=MAX_TIMEOUT_SECONDS)]
_Any: TypeAlias = Annotated[float, Field(strict=True, ge=0, le=MAX_TIMEOUT_SECONDS)]
_Short: TypeAlias = Annotated[float, Field(strict=True, gt=0, le=_MAX_LAP)]
_Rest: TypeAlias = Annotated[float, Field(strict=True, ge=0, le=_MAX_LAP)]
Timeout: TypeAlias = Annotated[_Some, BeforeValidator(_seconds), _written(MAX_TIMEOUT_SECONDS)]
Warmup: TypeAlias = Annotated[
    _Any, BeforeValidator(_seconds), _written(MAX_TIMEOUT_SECONDS, zero=True)
]
Lap: TypeAlias = Annotated[_Short, BeforeValidator(_seconds), _written(_MAX_LAP)]
Cooldown: TypeAlias = Annotated[_Rest, BeforeValidator(_seconds), _written(_MAX_LAP, zero=True)]
BatchSize: TypeAlias = Annotated[
    Any,
    BeforeValidator(_batch_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_BATCH_SIZE},
                {"const": LARGEST},
            ]
        }
    ),
]
Epochs: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_EPOCHS)]
Repeats: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_REPEATS)]
Jit: TypeAlias = Annotated[bool, Field(strict=True)]
Seed: TypeAlias = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
WorkloadName: TypeAlias = Annotated[str, AfterValidator(_canonical), _ListsWorkloads()]


def _add_parameters(schema: dict[str, Any]) -> None:
    schema["properties"].update(parameter_schemas())
    schema["additionalProperties"] = False


def _add_parameters_and_need_one(schema: dict[str, Any]) -> None:
    _add_parameters(schema)
    schema["minProperties"] = 1


class Settings(BaseModel):
    """What can be said of every job, and every parameter of a workload besides."""

    # What is extra is a parameter of some workload, or a mistake that `suite_check` finds.
    model_config = ConfigDict(frozen=True, extra="allow", json_schema_extra=_add_parameters)

    batch_size: Sweep[BatchSize] = Field(
        default_factory=tuple,
        description="Samples per step, or 'max', the largest that fits; must be said where the "
        "workload has one.",
    )
    epochs: Sweep[Epochs] = Field(
        default_factory=tuple, description="Passes over the training data; default: the workload's."
    )
    precision: Sweep[Precision] = Field(
        default_factory=tuple, description="Number format of the products; default: float32."
    )
    backend: Sweep[Backend] = Field(
        default_factory=tuple,
        description="What computes it; default: tensorflow, or the workload's own.",
    )
    data: Sweep[DataSource] = Field(
        default_factory=tuple,
        description="The real data set, or synthetic data of the same shapes; default: real, or "
        "generated, where that is the work's own.",
    )
    protocol: Sweep[Protocol] = Field(
        default_factory=tuple,
        description="How it is timed: 'steady', in blocks of steps; 'train', in whole epochs with "
        "validation, as the sources did; 'once', a whole task; default: steady, or train where "
        "epochs are said.",
    )
    data_pipeline: Sweep[DataPipeline] = Field(
        default_factory=tuple,
        description="Batches lie on the device before the clock starts ('staged', the default of "
        "steady), or are made on the host meanwhile ('host', the only one of train).",
    )
    optimizer: Sweep[Optimizer] = Field(
        default_factory=tuple, description="Default: the workload's."
    )
    mode: Sweep[Mode] = Field(
        default_factory=tuple,
        description="What is timed: training, or forward passes alone ('infer'); default: train, "
        "or run, where the work is neither.",
    )
    jit: Sweep[Jit] = Field(
        default_factory=tuple,
        description="Whether the whole step is compiled (XLA, torch.compile); default: only by "
        "JAX.",
    )
    repeats: Repeats = Field(
        default=DEFAULT_REPEATS, description="Independent processes that measure each cell."
    )
    timeout: Timeout = Field(
        default=DEFAULT_TIMEOUT_SECONDS,
        description="The longest one job may take: seconds, or text such as 90s, 15m, 2h.",
    )
    lap_precision: Annotated[float, Field(strict=True, gt=0, lt=1)] = Field(
        default=_EFFORT.lap_precision,
        description="steady stops when the 95 % interval of the laps' median is this narrow (half "
        "its width ÷ the median), or when the budget is used.",
    )
    budget: Timeout = Field(
        default=_EFFORT.budget_seconds, description="The longest that steady's laps take together."
    )
    warmup: Warmup = Field(
        default=_EFFORT.warmup_seconds, description="The longest that steady warms up."
    )
    lap: Lap = Field(
        default=_EFFORT.lap_seconds, description="What a lap of steady is sized to last."
    )
    cooldown: Cooldown = Field(
        default=_EFFORT.cooldown_seconds, description="Rest before each job."
    )


class Defaults(Settings):
    """What holds for every job that does not say otherwise."""


class Combination(Settings):
    """Part of a job: keys with a value, or with a list of values."""

    model_config = ConfigDict(json_schema_extra=_add_parameters_and_need_one)

    workload: Sweep[WorkloadName] = Field(
        default_factory=tuple, description="The workload's name or alias."
    )


class Job(Settings):
    """One or more workloads, measured in every combination of what is listed."""

    workload: Sweep[WorkloadName] = Field(description="The workload's name or alias.")
    include: Annotated[list[Combination], Field(min_length=1)] = Field(
        default_factory=list,
        description="Extra combinations: each is the job once more, with these keys replaced.",
    )
    exclude: Annotated[list[Combination], Field(min_length=1)] = Field(
        default_factory=list,
        description="Combinations to leave out: those that have all the values of an item.",
    )


class SuiteFile(BaseModel):
    """A suite: what to measure, and on which hardware."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(
        default_factory=str, description="Default: the file's name without its suffix."
    )
    description: str = Field(
        default_factory=str,
        max_length=MAX_DESCRIPTION,
        description="One line, for whoever lists the suites.",
    )
    hardware: Selector = Field(
        default=Selector(("all",)),
        description="'all', or a name, a tag or 'tag & tag', or a list of them: any may match.",
    )
    seed: Seed = Field(default=DEFAULT_SEED, description="Of the data and of the networks.")
    defaults: Defaults = Field(
        default_factory=Defaults, description="What holds for every job that says nothing else."
    )
    jobs: list[Job] = Field(min_length=1, description="What to measure.")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a suite file.

    It knows every key, name and range. What depends on other keys (which workload has which
    parameter, whether an exclusion drops anything) only `farm validate` tells.
    """
    schema = SuiteFile.model_json_schema(schema_generator=Untitled)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "farm suite"}
