"""What a child is asked, and how little a trial does of it."""

from __future__ import annotations

import json
import math
import time

import pytest

from jobs import catalogue
from jobs.child import cut_down, measure, request_of
from jobs.result import Status
from jobs.spec import JobSpec
from jobs.workloads.fashion_mnist_mlp import FashionMnistMlp
from tests.conftest import make_cell, make_job


class EpochsOnly(FashionMnistMlp):
    """Knows no steps."""

    protocols = ("train",)


def test_a_request_is_the_job_or_a_trial_of_it() -> None:
    job = make_job()
    assert JobSpec.model_validate_json(request_of(job)) == job
    assert JobSpec.model_validate(json.loads(request_of(job, trial=True))["trial"]) == job


def test_a_trial_of_epochs_goes_by_steps() -> None:
    job = make_job(make_cell(protocol="train", epochs=10, data_pipeline="host"))
    cell = cut_down(job, FashionMnistMlp()).cell
    assert (cell.protocol, cell.epochs, cell.data_pipeline) == ("steady", None, "host")
    assert cell.batch_size == job.cell.batch_size
    assert cut_down(job, EpochsOnly()).cell.epochs == 1


def test_a_trial_is_as_short_as_can_be() -> None:
    job = make_job(make_cell(protocol="steady", epochs=None))
    short = cut_down(job, FashionMnistMlp())
    assert short.cell == job.cell
    assert short.effort.budget_seconds < 0.1
    assert short.effort.warmup_seconds == 0
    assert short.effort.cooldown_seconds == 0


@pytest.mark.usefixtures("noop_workload")
def test_a_report_of_missing_memory_keeps_the_traceback_and_its_own_words() -> None:
    report = measure(make_job(make_cell("hoard", backend="ffmpeg", parameters={"fitting": 1})))
    assert report.status is Status.SUCCEEDED
    cell = make_cell("hoard", backend="ffmpeg", parameters={"measured_fitting": 1})
    report = measure(make_job(cell))
    assert report.status is Status.OUT_OF_MEMORY
    assert report.error is not None
    assert report.error.kind == "memory"
    assert report.error.message == "out of host memory: told that 128 do not fit"
    assert report.error.exception == "MemoryError"
    assert "raise MemoryError" in (report.error.traceback or "")


@pytest.mark.parametrize("lap", [0.0, -1.0, math.inf, math.nan])
def test_a_lap_that_is_no_time_is_an_error_and_no_measurement(
    monkeypatch: pytest.MonkeyPatch, noop_workload: None, lap: float
) -> None:
    noop = catalogue.find("noop")
    good = noop.run(make_job(make_cell("noop", backend="ffmpeg")), time.perf_counter)
    odd = good.model_copy(update={"lap_seconds": (1.0, lap)})
    monkeypatch.setattr(type(noop), "run", lambda *_: odd)
    report = measure(make_job(make_cell("noop", backend="ffmpeg")))
    assert report.status is Status.FAILED
    assert report.error is not None
    assert report.error.message == f"ValueError: noop measured a lap of {lap} s, which is no time"
