"""A CSV of work that has no batches, or the largest that fits."""

from __future__ import annotations

from typing import get_args

import pytest

from farm.readings.reading import read
from jobs.spec import Backend, Mode, Precision, Protocol
from tests.unit.test_measurements import results


def test_an_export_timed_by_hand_needs_no_batch_size() -> None:
    # Given 10 minutes of video, exported by hand in Final Cut Pro, three times
    rows = "".join(
        f"m1-max,video_export,{repeat},{seconds},1,1,video seconds,600,run,once,final_cut_pro\n"
        for repeat, seconds in ((1, 42.0), (2, 43.5), (3, 42.5))
    )
    # When the table is read
    found = results(
        "hardware,workload,repeat,seconds,samples,samples_per_epoch,item,items_per_sample,mode,"
        "protocol,parameters.encoder\n" + rows
    )
    # Then each is a task, and says how many times as fast as the video plays it went
    cell = found[0].job.cell
    assert (cell.workload, cell.batch_size, cell.protocol) == ("video_export", None, "once")
    reading = read(found[0])
    assert reading is not None
    assert (reading.seconds, reading.batch_size) == (42.0, None)
    assert reading.items_per_second == pytest.approx(600 / 42)


def test_the_largest_batch_is_a_batch_size_with_a_number_of_its_own() -> None:
    [result] = results("hardware,workload,batch_size,batch_size_used,seconds\na,mlp,max,4096,1\n")
    assert result.job.cell.batch_size == "max"
    assert result.measurement is not None
    assert result.measurement.batch_size == 4096
    [unknown] = results("hardware,workload,batch_size,seconds\na,mlp,max,1\n")
    assert unknown.measurement is not None
    assert unknown.measurement.batch_size is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, value)
        for name, kind in (
            ("backend", Backend),
            ("mode", Mode),
            ("precision", Precision),
            ("protocol", Protocol),
        )
        for value in get_args(kind)
    ],
)
def test_whatever_a_cell_can_be_can_be_said_of_one(name: str, value: str) -> None:
    [result] = results(f"hardware,workload,seconds,{name}\na,w,1,{value}\n")
    assert getattr(result.job.cell, name) == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("no", False), ("", None)])
def test_compiling_is_said_or_left_to_the_backend(text: str, value: bool | None) -> None:
    [result] = results(f"hardware,workload,seconds,jit\na,w,1,{text}\n")
    assert result.job.cell.jit is value


def test_single_passes_stand_in_the_rows_of_their_laps() -> None:
    rows = "a,w,1,1,0.004\na,w,1,2,\na,w,1,1,0.002\n"
    [result] = results("hardware,workload,repeat,seconds,latency_seconds\n" + rows)
    assert result.measurement is not None
    assert result.measurement.latency_seconds == (0.004, 0.002)
