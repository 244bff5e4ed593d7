"""A CSV of measurements made elsewhere: what becomes of its rows."""

from __future__ import annotations

import random

import pytest

from farm.measurements.csv_file import Measurements, fitted, read
from farm.measurements.mistakes import Mistakes
from jobs.result import Result, Status

HEAD = "hardware,workload,batch_size,repeat,lap,seconds,samples\n"


def table(text: str | bytes, file: str = "data/table.csv") -> Measurements:
    """Read a table that is right."""
    mistakes = Mistakes()
    found = read(file, text if isinstance(text, bytes) else text.encode(), mistakes, now=5.0)
    mistakes.check()
    assert found is not None
    return found


def results(text: str | bytes) -> list[Result]:
    """Return the results of a table that is right."""
    return list(table(text).results())


def laps(result: Result) -> tuple[float, ...]:
    """Return the laps of a result that was measured."""
    assert result.measurement is not None
    return result.measurement.lap_seconds


def test_rows_of_one_repeat_are_laps_of_one_process_in_the_order_of_lap() -> None:
    # Given two processes whose rows are mixed and out of order
    rows = [
        "a,mlp,32,1,2,0.2,60",
        "a,mlp,32,2,1,0.5,60",
        "a,mlp,32,1,10,0.3,60",
        "a,mlp,32,1,1,0.1,",
    ]
    # When the table is read
    first, second = results(HEAD + "\n".join(rows))
    # Then each has its own laps, sorted by number
    assert (laps(first), laps(second)) == ((0.1, 0.2, 0.3), (0.5,))
    assert first.measurement is not None
    assert first.measurement.samples_per_lap == 60
    assert (first.job.repeat, second.job.repeat) == (1, 2)
    assert first.job.cell.id == second.job.cell.id


def test_what_a_table_does_not_say_is_unknown() -> None:
    [result] = results(
        "hardware,workload,batch_size,seconds\na,resnet-152,32,0.5\na,resnet-152,32,0.4\n"
    )
    cell = result.job.cell.model_dump(exclude={"workload", "batch_size", "parameters"})
    assert set(cell.values()) == {None}
    assert result.job.cell.parameters == {}
    assert result.measurement is not None
    unknown = result.measurement.model_dump(exclude_none=True)
    assert unknown == {
        "lap_seconds": (0.5, 0.4),
        "warmup_lap_seconds": (),
        "history": {},
        "test": {},
        "floors": {},
        "batch_size": 32,
    }
    assert (result.unit, result.telemetry, result.facts, result.environment) == (None, None, {}, {})


def test_every_field_that_a_table_can_have_arrives() -> None:
    names = {
        "hardware": "a", "workload": "mlp", "batch_size": "32", "repeat": "4", "lap": "1",
        "seconds": "0.5", "samples": "600", "workload_version": "2", "epochs": "3",
        "precision": "tf32", "backend": "torch", "mode": "train", "data": "real",
        "optimizer": "sgd", "protocol": "steady", "data_pipeline": "staged", "unit": "GPU-7",
        "jit": "True", "item": "tokens", "items_per_sample": "128", "latency_seconds": "0.002",
        "worker": "w@h", "steps": "6", "samples_per_epoch": "60000", "cold_start_seconds": "1.5",
        "total_seconds": "9", "peak_memory_bytes": "1e9", "energy_joules": "40",
        "energy_kind": "counter", "energy_part": "gpu", "noise": "hot; on battery",
        "started_at": "100", "finished_at": "109", "parameters.units": "10",
        "parameters.rate": "0.5", "parameters.flag": "TRUE", "parameters.text": "x y",
        "environment.torch_version": "2.13.0", "facts.vcpus": "8", "test.accuracy": "0.9",
        "floors.accuracy": "0.8", "history.loss": "0.25",
    }  # fmt: skip
    [result] = results(f"{','.join(names)}\n{','.join(names.values())}\n")
    cell, measured = result.job.cell, result.measurement
    assert cell.workload == "fashion_mnist_mlp"  # the name that the alias stands for
    assert cell.parameters == {"units": 10, "rate": 0.5, "flag": True, "text": "x y"}
    said = cell.model_dump(exclude={"workload", "parameters"})
    assert {name: str(value) for name, value in said.items()} == {n: names[n] for n in said}
    assert measured is not None
    assert (measured.samples_per_lap, measured.steps_per_lap) == (600, 6)
    assert (measured.samples_per_epoch, measured.peak_memory_bytes) == (60_000, 10**9)
    assert (measured.cold_start_seconds, measured.total_seconds) == (1.5, 9.0)
    assert (measured.test, measured.floors) == ({"accuracy": 0.9}, {"accuracy": 0.8})
    assert measured.history == {"loss": (0.25,)}
    assert (measured.item, measured.items_per_sample) == ("tokens", 128)
    assert (measured.latency_seconds, measured.batch_size) == ((0.002,), 32)
    assert result.telemetry is not None
    [energy] = result.telemetry.energy
    assert (energy.joules, energy.seconds, energy.kind, energy.part) == (
        40.0,
        0.5,
        "counter",
        "gpu",
    )
    assert (result.unit, result.worker, result.noise) == ("GPU-7", "w@h", ("hot", "on battery"))
    assert (result.started_at, result.finished_at, result.job.repeat) == (100.0, 109.0, 4)
    assert result.environment == {"torch_version": "2.13.0"}
    assert result.facts == {"vcpus": 8}


def test_warm_up_laps_are_kept_out_and_energy_is_that_of_the_laps_that_count() -> None:
    text = "hardware,workload,batch_size,lap,seconds,warmup,energy_joules,energy_kind\n"
    [result] = results(text + "a,w,1,1,9,true,99,sampled\na,w,1,1,2,,5,\na,w,1,2,3,no,7,\n")
    assert result.measurement is not None
    assert result.measurement.warmup_lap_seconds == (9.0,)
    assert laps(result) == (2.0, 3.0)
    assert result.telemetry is not None
    assert (result.telemetry.energy[0].joules, result.telemetry.energy[0].seconds) == (12.0, 5.0)


def test_a_process_that_did_not_succeed_has_a_status_and_no_seconds() -> None:
    text = "hardware,workload,batch_size,seconds,status,error\n"
    done, failed = results(text + 'a,w,1,0.5,,\na,w,2,,out_of_memory,"no\nroom"\n')
    assert (done.status, failed.status) == (Status.SUCCEEDED, Status.OUT_OF_MEMORY)
    assert failed.error is not None
    assert (failed.error.kind, failed.error.message) == ("memory", "no\nroom")


def test_units_of_one_hardware_are_processes_of_their_own() -> None:
    text = "hardware,workload,batch_size,repeat,seconds,unit\n"
    rows = ["a,w,1,2,0.2,x", "a,w,1,1,0.3,y", "a,w,1,1,0.1,x", "a,w,1,2,0.4,y", "b,w,1,7,0.5,"]
    found = {
        (r.job.hardware, r.job.repeat): (r.unit, laps(r)) for r in results(text + "\n".join(rows))
    }
    # Numbered anew, by unit and then by repeat; what is distinct keeps its number.
    assert found == {
        ("a", 1): ("x", (0.1,)),
        ("a", 2): ("x", (0.2,)),
        ("a", 3): ("y", (0.3,)),
        ("a", 4): ("y", (0.4,)),
        ("b", 7): (None, (0.5,)),
    }


def test_repeats_may_count_from_zero() -> None:
    found = results(HEAD + "a,w,1,0,1,0.1,\na,w,1,1,1,0.2,\n")
    assert [(each.job.repeat, laps(each)) for each in found] == [(1, (0.1,)), (2, (0.2,))]


def test_texts_that_say_the_same_make_one_process() -> None:
    [result] = results(HEAD + "a,mlp,32,1,1,0.1,\na, fashion_mnist_mlp,32.0,1.0,2,0.2,\n")
    assert laps(result) == (0.1, 0.2)


def test_processes_of_a_cell_that_goes_by_two_names_are_numbered_together() -> None:
    text = "hardware,workload,batch_size,repeat,seconds,unit\n"
    found = results(text + "a,mlp,1,1,0.1,x\na,fashion_mnist_mlp,1,1,0.2,y\n")
    assert [each.job.repeat for each in found] == [1, 2]


def test_a_true_parameter_is_not_the_number_one() -> None:
    text = "hardware,workload,batch_size,seconds,parameters.x\n"
    found = results(text + "a,w,1,0.1,1\na,w,1,0.1,true\na,w,1,0.1,1.0\na,w,1,0.1,\n")
    assert len({each.job.cell.id for each in found}) == len(found) == 4


def test_the_same_file_is_the_same_run_and_another_is_another() -> None:
    one, same = table(HEAD + "a,w,1,1,1,0.5,\n"), table(HEAD + "a,w,1,1,1,0.5,\n")
    other = table(HEAD + "a,w,1,1,1,0.6,\n")
    assert one.run == same.run
    assert list(one.results()) == list(same.results())
    assert one.run.id != other.run.id
    assert one.run.id.startswith("import-")
    # Under another name it is the same run, with the same results
    copy = table(HEAD + "a,w,1,1,1,0.5,\n", "copy.csv")
    assert copy.run.id == one.run.id
    assert list(copy.results()) == list(one.results())
    assert (one.run.suite, one.run.description) == ("table", "imported from table.csv")


def test_a_run_plans_the_jobs_that_its_results_are_of() -> None:
    rows = "".join(f"{h},w,{b},{r},1,0.5,\n" for h in "ab" for b in (1, 2) for r in (3, 5))
    found = table(HEAD + rows)
    planned = {job.id for hardware in "ab" for job in found.run.jobs(hardware)}
    assert {result.job.id for result in found.results()} <= planned


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("plain", "plain"),
        ("Meßwerte März (2)", "Mewerte-Marz-2"),
        ("..", "csv"),
        ("測定", "csv"),
        ("x" * 90, "x" * 40),
    ],
)
def test_a_file_s_name_is_made_to_fit_a_run_s(stem: str, expected: str) -> None:
    assert fitted(stem) == expected


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (HEAD + "a,w,1,1,1,0.5,6\n", ()),
        ("\ufeff" + HEAD + "a,w,1,1,1,0.5,6\n", ()),
        ((HEAD + "a,w,1,1,1,0.5,6\n").replace("\n", "\r\n"), ()),
        ((HEAD + "a,w,1,1,1,0.5,6\n").replace("\n", "\r"), ()),
        (
            (HEAD + "a,w,1,1,1,0.5,6\n").replace(",", ";"),
            ("its fields are separated by semicolons",),
        ),
        ((HEAD + "a,w,1,1,1,0.5,6\n").replace(",", "\t"), ("its fields are separated by tabs",)),
        (
            "sep=;\r\n" + (HEAD + "a,w,1,1,1,0.5,6\n").replace(",", ";"),
            ("its fields are separated by semicolons",),
        ),
        ("\n" + HEAD + "\n,,,,,,\n a ,'w',1,1,1,0.5,6\n\n".replace("'", '"'), ()),
        (
            HEAD.strip() + ",,\na,w,1,1,1,0.5,6,,\na,w,1,2,1,0.5,6,,,,\n".replace(",2,1,", ",1,2,"),
            (),
        ),
    ],
)
def test_a_table_is_read_whatever_program_wrote_it(text: str, note: tuple[str, ...]) -> None:
    found = table(text)
    assert found.notes == note
    [result] = found.results()
    assert (result.job.hardware, result.job.cell.workload) == ("a", "w")
    assert set(laps(result)) == {0.5}


def test_order_of_rows_makes_no_difference_to_what_was_measured() -> None:
    rows = [
        f"{h},w,{b},{r},{lap},{1 + r / 10 + lap / 100},600\n"
        for h in "ab" for b in (1, 2) for r in (1, 2, 3) for lap in (1, 2, 3)
    ]  # fmt: skip
    straight = {
        (r.job.hardware, r.job.cell.id, r.job.repeat): laps(r)
        for r in results(HEAD + "".join(rows))
    }
    random.Random(1).shuffle(rows)
    mixed = {
        (r.job.hardware, r.job.cell.id, r.job.repeat): laps(r)
        for r in results(HEAD + "".join(rows))
    }
    assert mixed == straight
    assert len(mixed) == 12
