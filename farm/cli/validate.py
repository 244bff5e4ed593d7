"""`farm validate`: tell whether suite files are right, and every mistake if not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from farm.suite.suite import Suite


@click.command(name="validate", short_help="Check suite files.")
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
def command(suites: tuple[str, ...]) -> None:
    """Check each SUITE, a file or the name of a ready suite.

    Prints the size of those that are right; every mistake of the others goes to standard error,
    with its file and line, and the exit code is 2.
    """
    from farm.render.escape import plain
    from farm.suite.suite import load
    from jobs.errors import SuiteError

    problems: list[str] = []
    for name in suites:
        try:
            suite = load(name)
        except SuiteError as error:
            problems += error.problems
        else:
            click.echo(plain(f"{name}: ok, {_size(suite)}, on {suite.hardware.describe()}"))
    if problems:
        raise SuiteError(problems)


def _size(suite: Suite) -> str:
    """Return ``6 cells × 3 repeats = 18 jobs per hardware``, shorter where repeats differ."""
    cells = suite.planned_cells()
    size, jobs = _count(len(cells), "cell"), _count(suite.jobs_per_hardware, "job")
    alike = len({planned.repeats for planned in cells}) == 1
    times = f" × {_count(cells[0].repeats, 'repeat')} =" if alike else ","
    return f"{size}{times} {jobs} per hardware"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
