"""A job of a suite file → its combinations → planned cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from farm.suite.layers import Layer, Layers, supported
from farm.suite.mistake import Mistake, received
from farm.suite.parameters import reason
from farm.suite.plan import PlannedCell
from farm.suite.schema import Defaults, Job, Settings
from jobs.problem import KeyPath
from jobs.spec import Cell, Effort
from jobs.workload import Workload

_PLAIN: Final = {"batch_size": "batch size", "jit": "step that could be compiled"}
_EFFORT: Final = {
    "lap_precision": "lap_precision",
    "budget": "budget_seconds",
    "warmup": "warmup_seconds",
    "lap": "lap_seconds",
    "cooldown": "cooldown_seconds",
}


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
        if not self._can_be_planned(workload, values, layers):
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

    def _can_be_planned(
        self, workload: Workload, values: Mapping[str, Any], layers: Layers
    ) -> bool:
        """Return whether the workload can do what the values say; add a mistake when not."""
        for key in values.keys() & Settings.model_fields.keys():
            can, value = supported(workload, key), values[key]
            if can is None or value in can or value is None:
                continue
            text = f"received {received(value)}, which {workload.name} does not support"
            remedy = f"accepted: {', '.join(can)}" if can else f"it has no {_PLAIN.get(key, key)}"
            self._add(layers.paths.get(key, self.path), f"{text}; {remedy}")
            return False
        if layers.choices.get("mode") == ("infer",):  # beside others they are for those that train
            for key in ("epochs", "optimizer"):
                if _said_in_the_job(layers, key):
                    text = (
                        "means nothing under the mode infer; accepted: mode: train, or without it"
                    )
                    self._add(layers.paths[key], text)
                    return False
        if _said_in_the_job(layers, "epochs") and "train" not in workload.protocols:
            self._add(layers.paths["epochs"], f"{workload.name} has no epochs; leave them out")
            return False
        return not self._contradicts(values, layers)

    def _contradicts(self, values: Mapping[str, Any], layers: Layers) -> bool:
        """Return whether two of the values do not go together; add a mistake when so."""
        protocol, pipeline = values["protocol"], values["data_pipeline"]
        if values["mode"] == "infer" and protocol != "steady":
            key, text = "mode", f"received text 'infer', which the protocol {protocol} has not"
            text += "; accepted: protocol: steady, or mode: train"
        elif values["mode"] == "infer" and pipeline == "host":
            key, text = "data_pipeline", "received text 'host', which the mode infer has not"
            text += "; accepted: staged, or mode: train"
        elif protocol == "train" and pipeline == "staged":
            key, text = "data_pipeline", "received text 'staged', which the protocol train does not"
            text += " support; accepted: host, or protocol: steady"
        elif protocol == "steady" and self._says_epochs_for_steady(layers):
            key = "epochs"
            text = "means nothing under the protocol steady"
            text += "; accepted: protocol: train, or no epochs"
        else:
            return False
        self._add(layers.paths.get(key, self.path), text)
        return True

    def _says_epochs_for_steady(self, layers: Layers) -> bool:
        # In the defaults, or beside a sweep over protocols, epochs are for the other cells.
        place = layers.paths.get("epochs", ("defaults",))
        return layers.choices.get("protocol") == ("steady",) and place[0] != "defaults"

    def _add(self, path: KeyPath, text: str) -> None:
        self.mistakes[Mistake(path, text)] = None


def _said_in_the_job(layers: Layers, key: str) -> bool:
    return layers.paths.get(key, ("defaults",))[0] != "defaults"


def _matches(excluded: Mapping[str, tuple[Any, ...]], values: Mapping[str, Any]) -> bool:
    return all(key in values and values[key] in choices for key, choices in excluded.items())
