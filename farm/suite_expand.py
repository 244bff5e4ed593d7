"""A job of a suite file → its combinations → planned cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from pydantic import ValidationError

from farm.plan import PlannedCell
from farm.suite_mistake import KeyPath, Mistake, received
from farm.suite_parameters import reason
from farm.suite_schema import (
    DEFAULT_REPEATS,
    DEFAULT_TIMEOUT_SECONDS,
    Combination,
    Defaults,
    Job,
    Settings,
)
from farm.sweep import as_list
from jobs.spec import Cell, Effort
from jobs.workload import Workload, find

# Which of a workload's attributes says what it can do, by the key of the file.
_SUPPORT: Final = {
    "precision": "precisions",
    "backend": "backends",
    "data": "data_sources",
    "mode": "modes",
    "protocol": "protocols",
    "data_pipeline": "data_pipelines",
}
_EFFORT: Final = {
    "lap_precision": "lap_precision",
    "budget": "budget_seconds",
    "warmup": "warmup_seconds",
    "lap": "lap_seconds",
    "cooldown": "cooldown_seconds",
}


@dataclass(frozen=True)
class Layer:
    """What one mapping of the file says: the choices of each key, and where it stands."""

    path: KeyPath
    choices: Mapping[str, tuple[Any, ...]]

    @classmethod
    def of(cls, path: KeyPath, model: Settings) -> Layer:
        """Return what a model was given, defaults left out."""
        fields = model.model_fields_set & {*Combination.model_fields}
        said = {key: getattr(model, key) for key in fields} | (model.model_extra or {})
        return cls(path, {key: tuple(as_list(value)) for key, value in said.items()})


class Layers:
    """Layers over one another, the weakest first; the strongest that has a key decides it."""

    def __init__(self, *layers: Layer) -> None:
        self.choices: dict[str, tuple[Any, ...]] = {}
        self.paths: dict[str, KeyPath] = {}  # where each key was said
        for layer in layers:
            self.choices.update(layer.choices)
            self.paths.update({key: (*layer.path, key) for key in layer.choices})

    def count(self) -> int:
        """Return an upper bound of the number of combinations, without making them."""
        return math.prod(len(choices) for choices in self.choices.values())

    def combinations(self) -> Iterator[tuple[Workload, dict[str, Any]]]:
        """Yield each workload with every combination of what was said and concerns it."""
        for name in self.choices["workload"]:
            workload = find(name)
            concerned = [*Settings.model_fields, *workload.parameters.model_fields]
            keys = [key for key in concerned if key in self.choices]
            for values in product(*(self.choices[key] for key in keys)):
                yield workload, _complete(workload, dict(zip(keys, values, strict=True)))


class Expansion:
    """All planned cells of one job, and the mistakes that only making them shows."""

    def __init__(self, path: KeyPath, job: Job, defaults: Defaults) -> None:
        base = (Layer.of(("defaults",), defaults), Layer.of(path, job))
        extra = [Layer.of((*path, "include", n), item) for n, item in enumerate(job.include)]
        self.path = path
        self.excluded = [Layer.of((), item).choices for item in job.exclude]
        self.swept = Layers(*base)
        self.extra = [Layers(*base, layer) for layer in extra]
        self.mistakes: dict[Mistake, None] = {}  # in order, each once

    def count(self) -> int:
        """Return an upper bound of the number of combinations, without making them."""
        return sum(layers.count() for layers in (self.swept, *self.extra))

    def cells(self) -> list[PlannedCell]:
        """Make the cells in the order of the file; `mistakes` holds what stood in the way."""
        dropped_by = [0] * len(self.excluded)
        planned: list[PlannedCell | None] = []
        for workload, values in self.swept.combinations():
            matching = [n for n, item in enumerate(self.excluded) if _matches(item, values)]
            for index in matching:
                dropped_by[index] += 1
            if not matching:
                planned.append(self._planned(workload, values, self.swept))
        for index, count in enumerate(dropped_by):
            if not count:
                self._add((*self.path, "exclude", index), "matches no combination of this job")
        if not planned and not self.extra:
            self._add((*self.path, "exclude"), "leaves nothing of this job")
        for layers in self.extra:
            for workload, values in layers.combinations():
                planned.append(self._planned(workload, values, layers))
        return [each for each in planned if each is not None]

    def _planned(
        self, workload: Workload, values: Mapping[str, Any], layers: Layers
    ) -> PlannedCell | None:
        for key, attribute in _SUPPORT.items():
            supported: Sequence[str] = getattr(workload, attribute)
            if values[key] not in supported:
                text = f"received {received(values[key])}, which {workload.name} does not support"
                place = layers.paths.get(key, self.path)
                self._add(place, f"{text}; accepted: {', '.join(supported)}")
                return None
        if values["protocol"] == "train" and values["data_pipeline"] == "staged":
            text = "received text 'staged', which the protocol train does not support"
            place = layers.paths.get("data_pipeline", self.path)
            self._add(place, f"{text}; accepted: host, or protocol: steady")
            return None
        if values["protocol"] == "steady" and self._says_epochs_for_steady(layers):
            text = (
                "means nothing under the protocol steady; accepted: protocol: train, or no epochs"
            )
            self._add(layers.paths["epochs"], text)
            return None
        own = {key: values[key] for key in workload.parameters.model_fields if key in values}
        try:
            parameters = workload.parameters.model_validate(own, strict=True)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                why = reason(detail.get("ctx", {})) or detail["msg"]
                self._add(self.path, f"{workload.name}: {why}")
            return None
        said = {key: values[key] for key in Cell.model_fields if key in Settings.model_fields}
        cell = Cell(
            workload=workload.name,
            workload_version=workload.version,
            parameters=parameters.model_dump(),
            **said,
        )
        effort = {name: values[key] for key, name in _EFFORT.items() if key in values}
        return PlannedCell(
            cell=cell,
            repeats=values["repeats"],
            timeout_seconds=values["timeout"],
            effort=Effort(**effort),
        )

    def _says_epochs_for_steady(self, layers: Layers) -> bool:
        # In the defaults, or beside a sweep over protocols, epochs are for the other cells.
        place = layers.paths.get("epochs", ("defaults",))
        return layers.choices.get("protocol") == ("steady",) and place[0] != "defaults"

    def _add(self, path: KeyPath, text: str) -> None:
        self.mistakes[Mistake(path, text)] = None


def _complete(workload: Workload, said: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what was not said, the workload's parameters included."""
    own = workload.parameters().model_dump()
    # Epochs are the unit of `train`: who asks for some of them means it.
    protocol = said.get("protocol") or _preferred(
        "train" if "epochs" in said else "steady", workload.protocols
    )
    pipeline = "staged" if protocol == "steady" else "host"
    return {
        "epochs": workload.epochs if protocol == "train" else None,
        "precision": _preferred("float32", workload.precisions),
        "backend": _preferred("tensorflow", workload.backends),
        "data": _preferred("real", workload.data_sources),
        "mode": _preferred("train", workload.modes),
        "protocol": protocol,
        "data_pipeline": _preferred(pipeline, workload.data_pipelines),
        "optimizer": workload.optimizer,
        "repeats": DEFAULT_REPEATS,
        "timeout": DEFAULT_TIMEOUT_SECONDS,
        **own,
        **said,
        **({} if protocol == "train" else {"epochs": None}),
        "workload": workload.name,
    }


def _preferred(usual: str, supported: Sequence[str]) -> str:
    return usual if usual in supported else supported[0]


def _matches(excluded: Mapping[str, tuple[Any, ...]], values: Mapping[str, Any]) -> bool:
    return all(key in values and values[key] in choices for key, choices in excluded.items())
