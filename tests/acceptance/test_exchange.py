"""Measurements made elsewhere, and results carried from one farm to another: no Redis anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live_farm import Farm

SECONDS = {"p100": 2.0, "m2-max": 1.0}


@pytest.fixture
def here(tmp_path: Path, farm_home: Path) -> Farm:
    """A farm on a machine without a Redis."""
    return Farm(tmp_path, {**os.environ, "COLUMNS": "100"})


@pytest.fixture
def there(tmp_path: Path, here: Farm) -> Farm:
    """Another machine's farm."""
    return Farm(tmp_path, {**here.environment, "FARM_HOME": str(tmp_path / "there")})


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Two hardware × two cells × three processes × four laps, as a spreadsheet would save them."""
    rows = ["hardware,workload,batch_size,repeat,lap,seconds,samples"]
    rows += [
        f"{hardware},resnet-152,{batch},{repeat},{lap},"
        f"{seconds * (1 + lap / 100 + repeat / 50)},640"
        for hardware, seconds in SECONDS.items()
        for batch in (32, 64)
        for repeat in (1, 2, 3)
        for lap in (1, 2, 3, 4)
    ]
    (tmp_path / "mine.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    return "mine.csv"


def test_a_table_becomes_a_matrix_and_travels_to_another_farm(
    here: Farm, there: Farm, table: str
) -> None:
    # Given a CSV of measurements made elsewhere
    [imported] = here.json("import", table, "--json")
    assert (imported["new"], imported["results"]) == (12, 12)
    matrix = here.json("matrix", "--baseline", "p100", "--format", "json")
    assert [row["batch_size"] for row in matrix["rows"]] == [32, 64]
    for row in matrix["rows"]:
        assert row["cells"]["m2-max"]["speedup"] == pytest.approx(2.0)
        assert row["cells"]["m2-max"]["repeats"] == 3
        assert row["cells"]["p100"]["seconds"] == pytest.approx(2.0 * 1.065, rel=0.001)
    # When it is exported here and imported there
    said = here("export", "-o", "mine.jsonl")
    assert said == "mine.jsonl: 1 run, 12 results\n"
    assert "12 new results in import-" in there("import", "mine.jsonl")
    # Then both have the same matrix, and the same results to the last digit
    assert there.json("matrix", "--baseline", "p100", "--format", "json") == matrix
    assert there("export", "-o", "-") == here("export", "-o", "-")
    # And nothing changes when it comes again, as lines or as the table
    again = there("import", "mine.jsonl", table)
    assert [line.split(":")[1].split(" in ")[0] for line in again.splitlines()] == [
        " 0 new results",
        " 0 new results",
    ]
    assert there("export", "--all", "-o", "-") == here("export", "--all", "-o", "-")


def test_wrong_files_are_refused_as_a_whole(here: Farm, table: str, tmp_path: Path) -> None:
    lines = (tmp_path / table).read_text().splitlines()
    lines[7] = lines[7].replace("resnet-152", "resnet 152")
    lines[9] = lines[9].rsplit(",", 2)[0] + ",12 ms,640"
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    said = here("import", table, "bad.csv", "missing.csv", code=2)
    assert "bad.csv:8: workload: received 'resnet 152' (did you mean 'resnet-152'?)" in said
    assert "bad.csv:10: seconds: received '12 ms' (a unit; write 0.012)" in said
    assert "missing.csv: cannot be read: No such file or directory" in said
    assert said.rstrip().endswith("nothing was imported")
    assert "nothing has been submitted yet" in here("status", code=1)


def test_a_job_is_picked_from_the_list_and_shown_in_full(here: Farm, table: str) -> None:
    run = here.json("import", table, "--json")[0]["runs"][0]
    listed = here("show", "--run", run)
    jobs = here.json("show", "--json")["jobs"]
    assert len(jobs) == 12
    assert all(f"{job['job']}  {job['hardware']}" in listed for job in jobs)
    job = jobs[0]["job"]
    shown = here("show", job)
    assert here("show", job[:9].upper()) == shown
    assert "status  succeeded" in shown
    assert "laps        4 laps" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert here.json("show", job, "--json")["job"]["run"] == run
    assert "there is no job 'nope'" in here("show", "nope", code=2)
    assert "lists a run's jobs" in here("show", job, "--run", run, code=2)
    first = [each["job"][0] for each in jobs]
    twice = next(digit for digit in first if first.count(digit) > 1)
    assert f"more than one job begins with '{twice}'" in here("show", twice, code=2)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("export", "-o", "x.jsonl"), 1, "nothing has been submitted yet"),
        (("export", "nope", "-o", "x.jsonl"), 2, "no run 'nope'"),
        (("export",), 2, "Missing option '-o'"),
        (("export", "nope", "--all", "-o", "x.jsonl"), 2, "does not go with --all"),
        (("import",), 2, "Missing argument"),
        (("import", "."), 2, ".: is a folder; accepted: a file"),
        (("show",), 1, "nothing has been submitted yet"),
        (("imprt", "x"), 2, "did you mean 'import'?"),
    ],
)
def test_a_mistake_gets_one_clear_message(
    here: Farm, arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    assert said in here(*arguments, code=code)
    assert not (tmp_path / "x.jsonl").exists()


def test_an_export_that_cannot_be_written_leaves_nothing(here: Farm, table: str) -> None:
    here("import", table)
    said = here("export", "-o", "no/such/folder.jsonl", code=1)
    assert "No such file or directory" in said
