"""What is said of results that could not be read."""

from __future__ import annotations

from farm.render.unreadable import lines, summary
from farm.store.unreadable import Unreadable
from tests.conftest import make_job


def came(job: str | None = "a" * 16, text: str = "{", size: int = 1) -> Unreadable:
    """Return a result as it came."""
    return Unreadable(
        hardware="p100",
        cursor="1500-0",
        job=job,
        reason="is not \x1b[31mJSON",
        text=text,
        size=size,
    )


def test_nothing_is_said_where_all_could_be_read() -> None:
    assert summary([]) == []


def test_results_are_counted_and_the_jobs_named() -> None:
    first = "1 result could not be read, and is kept as it came: `farm show aaaaaaaaaaaaaaaa`"
    assert summary([came()]) == [first]
    many = [came(job=f"{number:016x}") for number in range(7)]
    [line] = summary(many)
    assert line.startswith("7 results could not be read, and are kept as they came: `farm show 0")
    assert line.endswith(f"`farm show {4:016x}`, …")


def test_what_is_of_no_job_says_why() -> None:
    assert summary([came(job=None), came(job=None)]) == [
        "2 results could not be read, and are kept as they came",
        "2 of them for no job of this run: is not JSON",
    ]


def test_what_came_cannot_steer_a_terminal() -> None:
    shown = lines(came(text='{"a":\n\x1b[2J\u202e}', size=14))
    assert shown[1] == "What came, 14 B"
    assert all(line.isprintable() for line in shown)
    assert "\\u202e" in shown[-1]


def test_of_a_long_one_the_beginning_is_shown() -> None:
    shown = lines(came(text="x" * 60_000, size=200_000_000))
    assert "the first 2,000 characters" in shown[1]
    assert sum(line.count("x") for line in shown[2:]) == 2000


def test_its_job_has_failed_and_says_what_to_do() -> None:
    job = make_job()
    result = came(job=job.id).result(job)
    assert (result.job, result.status.value, result.started_at) == (job, "failed", 1.5)
    assert result.error is not None
    assert f"`farm show {job.id}` prints what came" in result.error.message
