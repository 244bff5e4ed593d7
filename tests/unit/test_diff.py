"""Two environments side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from farm.cli import session
from farm.cli.diff import command
from farm.readings.comparability import Line, common, side_by_side
from farm.readings.entry import Entry
from farm.render.environment import as_values, beside, said
from jobs.errors import FarmError, UnknownNameError
from jobs.spec import Scalar
from tests.unit.matrix_samples import cell, measured, unmeasured

HERE: Mapping[str, Scalar | None] = {
    "precision": "float32",
    "intra_threads": 1,
    "tensorflow_version": "2.21.0",
    "memory_bytes": 16 * 2**30,
    "jit_compile": True,
    "driver": None,
}
THERE = {**HERE, "intra_threads": 2, "tensorflow_version": "2.16.1", "driver": "550.54"}


def under(entries: Sequence[Entry], *conditions: Mapping[str, Scalar | None]) -> list[Entry]:
    """Give each entry its conditions."""
    return [replace(e, conditions=of) for e, of in zip(entries, conditions, strict=True)]


def shown(everything: bool = False, width: int | None = 80) -> str:
    lines = side_by_side(HERE, THERE)
    return beside(lines, ("p100", "t4"), everything=everything, width=width)


def test_what_differs_is_shown_and_the_rest_is_counted() -> None:
    assert (
        shown()
        == """\
  condition           p100    t4
────────────────────────────────────
≠ intra threads       1       2
≠ tensorflow version  2.21.0  2.16.1

3 are the same, 1 is unknown on one side or both; --all shows them."""
    )


def test_everything_is_shown_on_demand_and_what_is_unknown_says_so() -> None:
    lines = shown(everything=True).splitlines()
    assert "  precision           float32   float32" in lines
    assert "≠ intra threads       1         2" in lines
    assert "  driver              unknown   550.54" in [line.replace("GPU ", "") for line in lines]
    assert "  memory              16.0 GiB  16.0 GiB" in lines
    assert "  jit compilation     on        on" in lines
    assert lines[-1] == "2 differ (≠), 3 are the same, 1 is unknown on one side or both."


def test_values_that_repeats_differ_in_are_all_shown() -> None:
    here = common([HERE, {**HERE, "intra_threads": 4}])
    assert "1 and 4" in beside(side_by_side(here, THERE), ("a", "b"), everything=False, width=80)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_values_are_broken_and_lose_nothing(width: int) -> None:
    here = "q" * 70 + " " + "z" * 30
    lines = [Line("platform", here, "short", True), Line("kernel", "other", "j" * 90, True)]
    printed = beside(lines, ("p100", "a-long-name-of-hardware"), everything=False, width=width)
    assert max(map(len, printed.splitlines())) <= width
    assert [printed.count(letter) for letter in "qzj"] == [70, 30, 90]


def test_nothing_from_outside_steers_the_terminal() -> None:
    lines = [Line("\x1b[31mwhat\u202e", "\x1b[2J", "\u202eb\r", True)]
    printed = beside(lines, ("\x07a", "b\x1b"), everything=True, width=80)
    assert not set(printed) & {"\x1b", "\x07", "\u202e", "\r"}


def test_a_value_is_written_with_its_unit() -> None:
    assert said("power limit watts", 250.0) == "250 W"
    assert said("max clock mhz", 1980) == "1980 MHz"
    assert said("vcpus", 128) == "128"
    assert said("rosetta", False) == "off"
    assert said("xla flags", "") == "(empty)"


def test_values_for_a_program_keep_what_is_unknown_as_null() -> None:
    (line,) = as_values([Line("GPU driver version", None, "550.54", False)])
    assert line == {"what": "GPU driver version", "values": [None, "550.54"], "differs": False}


@pytest.fixture
def entries() -> list[Entry]:
    """Two hardware, two workloads; the second ran with other threads on p100 only."""
    cnn = cell("cnn", 64)
    failed = replace(unmeasured("t4", "failed", of=cnn)[0], conditions={"intra_threads": 99})
    return [
        *under(measured("p100", 1.0, 1.0), HERE, HERE),
        *under(measured("p100", 1.0, of=cnn), {**HERE, "intra_threads": 8}),
        *under(measured("t4", 1.0), THERE),
        *under(measured("t4", 1.0, of=cnn), THERE),
        failed,
        *unmeasured("m2", "queued"),
    ]


@pytest.fixture
def diff(monkeypatch: pytest.MonkeyPatch, entries: list[Entry]) -> CliRunner:
    """Return a runner of the command over these entries."""
    run = SimpleNamespace(id="quick-1", suite="quick")
    store = SimpleNamespace(
        entries=lambda runs: entries,
        runs=lambda suite=None: [run],
        run=lambda name: run if name == run.id else None,
    )

    @contextmanager
    def collected(redis_url: str | None) -> Iterator[SimpleNamespace]:
        yield store

    monkeypatch.setattr(session, "collected", collected)
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner()


def call(runner: CliRunner, *arguments: str) -> Result:
    return runner.invoke(command, list(arguments), catch_exceptions=True)


def test_the_command_shows_both_sides_of_a_run(diff: CliRunner) -> None:
    done = call(diff, "p100", "t4")
    assert done.exit_code == 0
    assert done.output.startswith("run quick-1: 3 jobs of p100, 2 of t4\n\n")
    assert "≠ intra threads       1 and 8  2" in done.output
    assert "99" not in done.output  # jobs that failed tell nothing where others succeeded


@pytest.mark.parametrize("chosen", [("--workload", "cnn"), ("--batch-size", "64")])
def test_the_command_keeps_to_one_workload_or_batch_size(
    diff: CliRunner, chosen: tuple[str, str]
) -> None:
    done = call(diff, "p100", "t4", *chosen)
    assert "1 job of p100, 1 of t4" in done.output
    assert "≠ intra threads       8       2" in done.output


def test_the_command_prints_json_with_every_condition(diff: CliRunner) -> None:
    document = json.loads(call(diff, "p100", "t4", "--json").output)
    assert (document["run"], document["hardware"]) == ("quick-1", ["p100", "t4"])
    by_name = {each["what"]: each for each in document["conditions"]}
    assert by_name["precision"] == {
        "what": "precision",
        "values": ["float32", "float32"],
        "differs": False,
    }
    assert len(by_name) == len(HERE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("p10", "t4"), r"no hardware 'p10'.*did you mean 'p100'"),
        (("p100", "t4", "--workload", "lstmm"), r"no workload 'lstmm'.*there is: cnn, mlp"),
        (("p100", "t4", "--batch-size", "7"), r"no batch size '7'.*there is: 32, 64"),
        (("p100", "t4", "--batch-size", "max"), r"no batch size 'max'.*there is: 32, 64"),
        (("p100", "t4", "--run", "other"), r"no run 'other'"),
    ],
)
def test_a_name_that_is_not_there_lists_those_that_are(
    diff: CliRunner, arguments: tuple[str, ...], message: str
) -> None:
    done = call(diff, *arguments)
    assert isinstance(done.exception, UnknownNameError)
    with pytest.raises(UnknownNameError, match=message):
        raise done.exception


def test_hardware_that_has_ended_no_job_says_how_to_see_how_far_it_is(diff: CliRunner) -> None:
    done = call(diff, "p100", "m2")
    assert isinstance(done.exception, FarmError)
    assert "measured under: none of its jobs has ended; `farm status`" in str(done.exception)


def test_one_hardware_twice_is_wrong_usage(diff: CliRunner) -> None:
    done = call(diff, "t4", "t4")
    assert done.exit_code == 2
    assert "A and B are both 't4'" in done.output
