"""Cells of any workload, measured in real children, and the backends that are installed."""

from __future__ import annotations

import importlib.util
import time

from jobs import catalogue
from jobs.keras.workload import KerasWorkload
from jobs.result import Measurement
from jobs.spec import Backend, Cell
from tests.conftest import make_job
from workers.runner import Runner

KERAS: tuple[Backend, ...] = ("tensorflow", "torch", "jax")
BACKENDS: list[Backend] = [name for name in KERAS if importlib.util.find_spec(name)]
NETWORKS = [each.name for each in catalogue.every() if isinstance(each, KerasWorkload)]
# They train for minutes on a CPU, even at their smallest.
LARGE = ("cifar10_resnet50", "food101_efficientnetb0", "segmentation_512", "transfer_augmented")


def cell(name: str, backend: Backend | None = None, **changes: object) -> Cell:
    """Return a cell of the workload at its smallest: two epochs, or what protocol it has."""
    subject = catalogue.find(name)
    protocol = "train" if "train" in subject.protocols else subject.protocols[0]
    values = {
        "workload": name,
        "workload_version": subject.version,
        "batch_size": subject.smallest_batch if subject.batched else None,
        "epochs": 2 if protocol == "train" else None,
        "precision": "float32",
        "backend": backend or subject.backends[0],
        "mode": subject.modes[0],
        "data": "synthetic" if "synthetic" in subject.data_sources else subject.data_sources[0],
        "optimizer": subject.optimizer,
        "protocol": protocol,
        "data_pipeline": "host" if protocol == "train" else subject.data_pipelines[0],
        "parameters": subject.parameters.model_validate(subject.smallest).model_dump(),
        **changes,
    }
    return Cell.model_validate(values)


def measured(runner: Runner, of: Cell, repeat: int = 1, **changes: object) -> Measurement:
    """Return the measurement of a job; fail with its error when there is none."""
    job = make_job(of, timeout_seconds=600.0, repeat=repeat, **changes)
    result = runner.run(job, time.time())
    assert result.measurement is not None, result.error
    return result.measurement
