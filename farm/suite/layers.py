"""Layers: what a job of a suite file and the defaults beneath it say, and what nobody says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from farm.suite.schema import (
    DEFAULT_REPEATS,
    DEFAULT_TIMEOUT_SECONDS,
    Combination,
    Settings,
)
from farm.suite.sweep import as_list
from jobs.catalogue import find
from jobs.problem import KeyPath
from jobs.workload import Workload

# Which of a workload's attributes says what it can do, by the key of the file.
_SUPPORT: Final = {
    "precision": "precisions",
    "backend": "backends",
    "data": "data_sources",
    "mode": "modes",
    "protocol": "protocols",
    "data_pipeline": "data_pipelines",
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
            choices = {key: self._choices(key, workload) for key in concerned}
            said = {key: values for key, values in choices.items() if values}
            for values in product(*said.values()):
                yield workload, _complete(workload, dict(zip(said, values, strict=True)))

    def _choices(self, key: str, workload: Workload) -> tuple[Any, ...]:
        """Return what was said of the key, less what is no concern of the workload's.

        A default concerns those workloads that can heed it: of several values the ones that a
        workload supports, and none where it has no choice. In a job every value is meant.
        """
        said = self.choices.get(key, ())
        if not said or self.paths[key][0] != "defaults":
            return said
        can = supported(workload, key)
        if can is None:
            return said
        heeded = tuple(value for value in said if value in can)
        return heeded or (() if len(can) <= 1 else said)


def supported(workload: Workload, key: str) -> Sequence[Any] | None:
    """Return what the workload can do of a key; nothing where it has no such thing.

    None where anything goes that the key itself accepts.
    """
    if key in _SUPPORT:
        can: Sequence[Any] = getattr(workload, _SUPPORT[key])
        return can
    has_it = {
        "batch_size": workload.batched,
        "optimizer": workload.optimizer is not None,
        "jit": workload.jits,
        "epochs": "train" in workload.protocols,
    }
    return None if has_it.get(key, True) else ()


def _complete(workload: Workload, said: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what was not said, the workload's parameters included.

    What two ways of saying it would make two cells of the same work is put in one way: compiling
    as the backend usually does, and the epochs and the optimizer where they mean nothing.
    """
    own = workload.parameters().model_dump()
    backend = said.get("backend") or _preferred("tensorflow", workload.backends)
    mode = said.get("mode") or _preferred("train", workload.modes)
    # Epochs are the unit of `train`: who asks for some of them means it.
    usual = "train" if "epochs" in said and mode != "infer" else "steady"
    protocol = said.get("protocol") or _preferred(usual, workload.protocols)
    pipeline = "staged" if protocol == "steady" else "host"
    done = {
        "batch_size": None,
        "epochs": workload.epochs,
        "precision": _preferred("float32", workload.precisions),
        "data": _preferred("real", workload.data_sources),
        "data_pipeline": _preferred(pipeline, workload.data_pipelines),
        "optimizer": workload.optimizer,
        "jit": None,
        "repeats": DEFAULT_REPEATS,
        "timeout": DEFAULT_TIMEOUT_SECONDS,
        **own,
        **said,
        "backend": backend,
        "mode": mode,
        "protocol": protocol,
        "workload": workload.name,
    }
    if protocol != "train":
        done["epochs"] = None
    if mode == "infer":
        done["optimizer"] = None
    if done["jit"] == (backend == "jax"):
        done["jit"] = None
    return done


def _preferred(usual: str, supported: Sequence[str]) -> str:
    return usual if usual in supported else supported[0]
