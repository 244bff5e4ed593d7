"""One result of work other than training, in full."""

from __future__ import annotations

from typing import Any

from farm.matrix.matrix import build
from farm.readings.entry import Entry
from farm.readings.reading import conditions
from farm.render.result import lines
from jobs.result import JobFailure, Measurement, Result, Status, Trial
from tests.conftest import make_cell, make_job, make_result
from tests.unit.matrix_samples import measured


def shown(result: Result) -> str:
    return "\n".join(lines(result))


def told(cell: dict[str, Any], **changes: Any) -> Result:
    """Return a result of such a cell whose measurement has these changes."""
    result = make_result(make_job(make_cell(**cell)))
    assert result.measurement is not None
    values = result.measurement.model_dump() | {"history": {}, "test": {}} | changes
    return result.model_copy(update={"measurement": Measurement.model_validate(values)})


BARE: dict[str, Any] = {
    "batch_size": None,
    "mode": "run",
    "optimizer": None,
    "protocol": "steady",
    "epochs": None,
}
TRIALS = (
    Trial(batch_size=512, fits=True, peak_memory_bytes=3 << 30),
    Trial(batch_size=1024, fits=False, peak_memory_bytes=15 << 30),
    Trial(batch_size=768, fits=True),
)


def test_the_frontier_says_what_was_tried_and_what_fitted() -> None:
    result = told({"batch_size": "max"}, batch_size=768).model_copy(update={"frontier": TRIALS})
    text = shown(result)
    assert "batch size     max: 768" in text
    assert (
        "\nBatch sizes that were tried\n"
        "  512    fits, 3.00 GiB at its peak\n"
        "  1,024  does not fit, 15.0 GiB at its peak\n"
        "  768    fits\n"
    ) in text


def test_the_frontier_is_shown_where_not_even_one_sample_fits() -> None:
    failure = JobFailure(kind="memory", message="out of memory at one sample")
    result = make_result(
        make_job(make_cell(batch_size="max")),
        status=Status.OUT_OF_MEMORY,
        measurement=None,
        error=failure,
        frontier=(Trial(batch_size=1, fits=False),),
    )
    text = shown(result)
    assert "batch size     max\n" in text
    assert "\nBatch sizes that were tried\n  1  does not fit\n" in text


def test_work_without_batches_epochs_and_optimizer_does_not_call_them_unknown() -> None:
    text = shown(
        told(
            BARE,
            samples_per_lap=20,
            samples_per_epoch=1,
            lap_seconds=(1.0,),
            flops_per_sample=1e12,
            item="products",
            items_per_sample=1,
        )
    )
    assert "not known" not in text
    assert "product     50.0 ms\n" in text
    assert "throughput  20.0 TFLOPS: 20 samples a lap" in text
    assert "Training" not in text


def test_tokens_and_video_are_counted_as_such() -> None:
    tokens = told({}, item="tokens", items_per_sample=128, lap_seconds=(1.0,), samples_per_lap=10)
    assert "throughput  1,280 tokens/s: 10 samples a lap" in shown(tokens)
    video = told(
        BARE | {"protocol": "once"},
        item="video seconds",
        items_per_sample=1 / 30,
        lap_seconds=(2.0,),
        samples_per_lap=120,
        samples_per_epoch=120,
    )
    assert "throughput  2.00× real time: 120 samples a lap" in shown(video)
    assert "export      2.00 s for 120 samples" in shown(video)


def test_latency_has_its_median_and_its_99th_percentile() -> None:
    seconds = tuple(0.001 * number for number in range(1, 201))
    cell = {"mode": "infer", "optimizer": None, "protocol": "steady", "epochs": None}
    text = " ".join(shown(told(cell, latency_seconds=seconds)).split())
    assert (
        "latency 0.101 s, the median of 200 single passes, each waited for; 99 % took at most "
        "0.198 s"
    ) in text.replace("100 ms", "0.101 s")
    few = " ".join(shown(told(cell, latency_seconds=(0.001, 0.003, 0.002))).split())
    assert "2.00 ms, the median of 3 single passes, each waited for; at most 3.00 ms" in few


def test_a_job_that_no_machine_was_asked_to_do_stands_in_the_matrix_with_its_reason() -> None:
    # Given what the coordinator makes of a job that cannot run: no measurement, facts or versions
    why = 'sklearn is not installed there: pip install "benchfarm[workloads]"'
    result = make_result(
        make_job(make_cell(**BARE)),
        status=Status.UNSUPPORTED,
        measurement=None,
        error=JobFailure(kind="unsupported", message=why),
        facts={},
        environment={},
    )
    assert conditions(result)["backend"] == "tensorflow"
    entry = Entry(
        cell=result.job.cell,
        hardware="m2",
        repeat=1,
        state=result.status.value,
        reason=why,
        conditions=conditions(result),
    )
    # When it stands beside a machine that could
    jobs = [*measured("p100", 1.0, of=result.job.cell), entry]
    cell = build(jobs, baseline="p100").rows[0].cells["m2"]
    # Then it says so
    assert (cell.status, cell.reason, cell.speedup) == ("unsupported", why, None)
    assert why in shown(result)
