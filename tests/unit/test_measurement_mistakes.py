"""What is said of a CSV of measurements that is wrong: every mistake, each with its line."""

from __future__ import annotations

import pytest

from farm.measurements.mistakes import SHOWN
from jobs.errors import ImportFileError
from tests.unit.test_measurements import HEAD, table


def problems(text: str | bytes) -> list[str]:
    """Return what is said of a table that is wrong, without the line that nothing was imported."""
    with pytest.raises(ImportFileError) as caught:
        table(text)
    *found, last = caught.value.problems
    assert last.endswith("nothing was imported")
    return found


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ("", "received nothing"),
        ("0", "received '0'"),
        ("-1", "received '-1'"),
        ("nan", "received 'nan'"),
        ("inf", "received 'inf'"),
        ("1_0", "received '1_0'"),
        ("12 ms", "(a unit; write 0.012)"),
        ("3min", "(a unit; write 180)"),
        ("5 x", "(a unit; write the number alone)"),
        ('"0,5"', "(a comma in a number; write a decimal point, and group no digits)"),
        ('"1,234.5"', "(grouped digits"),
        ("00:01:30", "(a time of day or a duration"),
        ("#DIV/0!", "(an error of the spreadsheet)"),
        ("=A1/2", "(a formula; save its value)"),
        ("fast", "received 'fast'"),
    ],
)
def test_what_is_no_time_is_named_with_its_line(seconds: str, said: str) -> None:
    [problem] = problems(HEAD + f"a,w,1,1,1,0.5,6\na,w,1,1,2,{seconds},6\n")
    assert problem.startswith("data/table.csv:3: seconds: ")
    assert said in problem
    assert problem.endswith("accepted: a number of seconds from 1e-12 to 1e9, such as 0.0125")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Tesla P100,w,1,1,1,1,", "hardware: received 'Tesla P100' (did you mean 'Tesla-P100'?)"),
        (",w,1,1,1,1,", "hardware: received nothing"),
        ("a,,1,1,1,1,", "workload: received nothing"),
        (
            "a,w,0,1,1,1,",
            "batch_size: received '0'; accepted: a whole number from 1 to 16777216, or max",
        ),
        ("a,w,1.5,1,1,1,", "batch_size: received '1.5'"),
        ("a,mlp,,1,1,1,", "batch_size: received nothing; accepted: a value in every row"),
        ("a,w,1,-1,1,1,", "repeat: received '-1'"),
        ("a,w,1,1,x,1,", "lap: received 'x'"),
        ("a,w,1,1,1,1,0", "samples: received '0'"),
        ("a,w,1,1,1", "received 5 fields; accepted: 7, as many as the header has"),
        ("a,w,1,1,1,1,6,7", "received 8 fields; accepted: 7"),
        ('a,w,1,1,1,"1,6', "is not CSV: unexpected end of data"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(row: str, said: str) -> None:
    assert problems(HEAD + f"b,w,1,1,1,0.5,6\n{row}\n")[0].startswith(f"data/table.csv:3: {said}")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "hardware,workload,batch_size,secnds",
            "unknown column 'secnds' (did you mean 'seconds'?)",
        ),
        ("hardware,workload,Batch Size,seconds", "(did you mean 'batch_size'?)"),
        ("hardware,workload,batch_size,Time (s)", "(did you mean 'seconds'?)"),
        ("hardware,workload,batch_size,seconds,fact.x", "(did you mean 'facts.x'?)"),
        ("hardware,workload,batch_size,seconds,seconds", "the column 'seconds' is there twice"),
        ("hardware,batch_size", "needs the columns workload, seconds"),
        ("1,2,3", "needs the columns hardware, workload, seconds"),
    ],
)
def test_a_wrong_header_is_refused(header: str, said: str) -> None:
    assert any(said in problem for problem in problems(header + "\na,w,1,1,1\n"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (HEAD.encode(), "has a header and no rows"),
        (b"PK\x03\x04rest", "is a workbook"),
        (HEAD.encode("utf-16"), "is UTF-16 text; save it as 'CSV UTF-8'"),
        (HEAD.encode() + b"a,w\xe9,1,1,1,1,\n", "byte 0xe9 is not UTF-8"),
        ((HEAD.strip() + ",\na,w,1,1,1,1,6,7\n").encode(), "received '7' in column 8"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, said: str) -> None:
    assert said in problems(content)[0]


def test_a_lap_that_is_there_twice_is_named_with_both_lines() -> None:
    [problem] = problems(HEAD + "a,w,1,1,1,0.5,\nb,w,1,1,1,0.5,\na,w,1,1,1,0.5,\n")
    assert problem.startswith("data/table.csv:4: lap: received 1, as on line 2; ")


def test_laps_are_numbered_all_or_none() -> None:
    [problem] = problems(HEAD + "a,w,1,1,,0.5,\na,w,1,1,1,0.5,\n")
    assert problem.startswith("data/table.csv:2: lap: received nothing")


def test_rows_of_one_process_do_not_contradict_each_other() -> None:
    [problem] = problems(HEAD + "a,w,1,1,1,0.5,600\na,w,1,1,2,0.5,601\n")
    assert problem.startswith("data/table.csv:3: samples: received 601 here and 600 on line 2; ")


def test_energy_needs_to_say_how_it_was_come_by() -> None:
    text = "hardware,workload,batch_size,seconds,energy_joules\na,w,1,0.5,3\n"
    assert problems(text) == [
        "data/table.csv:2: energy_joules: needs energy_kind; accepted: counter, sampled, "
        "estimated, nominal"
    ]


def test_a_process_of_warm_up_alone_is_refused() -> None:
    text = "hardware,workload,batch_size,seconds,warmup\na,w,1,0.5,true\n"
    assert "one must count" in problems(text)[0]


def test_more_processes_than_jobs_can_be_numbered_are_refused() -> None:
    rows = "".join(f"a,w,1,{repeat},1,0.5,\n" for repeat in range(1001))
    assert "received 1,001 processes of one cell on a" in problems(HEAD + rows)[0]


def test_all_mistakes_are_said_at_once_and_none_hides_behind_many() -> None:
    rows = [f"a,w,1,{repeat},1,zero,\n" for repeat in range(1, 101)]
    rows[90] = "a,w,1,91,1,0.5,many\n"
    with pytest.raises(ImportFileError) as caught:
        table(HEAD + "".join(rows))
    *shown, last = caught.value.problems
    assert len(shown) == SHOWN
    assert shown[0].startswith("data/table.csv:2: seconds: received 'zero'")
    assert shown[-1].startswith("data/table.csv:92: samples: received 'many'")
    assert last == "and 80 more; nothing was imported"


def test_a_process_that_did_not_succeed_has_one_row_and_no_seconds() -> None:
    text = "hardware,workload,batch_size,seconds,status,error\n"
    assert problems(text + "a,w,1,0.5,failed,\na,w,1,,failed,\n") == [
        "data/table.csv:2: seconds: received 0.5, and the status failed; accepted: seconds only "
        "where it succeeded",
        "data/table.csv:3: received a second row of a process whose status is failed, after "
        "line 2; accepted: one row, without seconds",
    ]
    assert "goes with a status" in problems(text + "a,w,1,0.5,,broke\n")[0]


def test_what_is_counted_goes_with_how_many_a_sample_has() -> None:
    head = "hardware,workload,seconds,item,items_per_sample\n"
    [problem] = problems(head + "a,w,1,tokens,\n")
    assert problem.endswith("item: needs items_per_sample; received nothing there")
    [problem] = problems(head + "a,w,1,,128\n")
    assert problem.endswith("items_per_sample: needs item; received nothing there")
    [problem] = problems(head + "a,w,1,tokens,0\n")
    assert "items_per_sample: received 0; accepted: a number above 0" in problem
