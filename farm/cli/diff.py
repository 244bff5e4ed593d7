"""`farm diff`: two hardware's environments side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.options import json_option, redis_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.readings.entry import Entry


@click.command(name="diff", short_help="Print what two hardware differ in.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--workload", metavar="NAME", help="Only what this workload ran under.")
@click.option("--batch-size", metavar="N", help="Only this batch size; max is one, too.")
@click.option("--run", "run_id", metavar="RUN", help="Of this run (default: the newest).")
@click.option("--all", "everything", is_flag=True, help="Show what is the same, too.")
@json_option
@redis_option
def command(
    first: str,
    second: str,
    workload: str | None,
    batch_size: str | None,
    run_id: str | None,
    everything: bool,
    as_json: bool,
    redis_url: str | None,
) -> None:
    """Print the conditions that the hardware A and B were measured under, side by side.

    What differs is marked, and what is not known is said to be unknown. Where the repeats or cells
    of one hardware differ among themselves, all their values stand there.
    """
    import json

    from farm.cli.session import choose_run, collected
    from farm.readings.comparability import common, side_by_side
    from farm.render import width
    from farm.render.environment import as_values, beside
    from farm.render.units import count

    if first == second:
        raise click.UsageError(f"A and B are both {first!r}; name two of a run's hardware")
    with collected(redis_url) as store:
        run = choose_run(store, run_id)
        entries = _chosen(store.entries([run]), workload, batch_size)
    sides = [_of(entries, name) for name in (first, second)]
    here, there = (common([job.conditions for job in of if job.conditions]) for of in sides)
    lines = side_by_side(here, there)
    if as_json:
        document = {"run": run.id, "hardware": [first, second], "conditions": as_values(lines)}
        click.echo(json.dumps(document, indent=2))
        return
    counts = f"{count(len(sides[0]), 'job')} of {first}, {len(sides[1]):,} of {second}"
    click.echo(f"run {run.id}: {counts}\n")
    click.echo(beside(lines, (first, second), everything=everything, width=width.of_output()))


def _chosen(entries: Sequence[Entry], workload: str | None, batch_size: str | None) -> list[Entry]:
    """Return the jobs of one workload, by name or alias, and of one batch size."""
    from jobs.errors import UnknownNameError

    known = sorted({each.cell.workload for each in entries})
    name = workload if workload is None or workload in known else _full_name(workload)
    if name is not None and name not in known:
        raise UnknownNameError("workload", name, known, "The run holds no other.")
    of_workload = [each for each in entries if name is None or each.cell.workload == name]
    sizes = {str(each.cell.batch_size) for each in of_workload if each.cell.batch_size}
    if batch_size is not None and batch_size not in sizes:
        known = sorted(sizes, key=lambda said: (said == "max", len(said), said))
        raise UnknownNameError("batch size", batch_size, known)
    return [e for e in of_workload if batch_size in (None, str(e.cell.batch_size))]


def _full_name(alias: str) -> str:
    from jobs import catalogue
    from jobs.errors import UnknownNameError

    try:
        return catalogue.find(alias).name
    except UnknownNameError:
        return alias


def _of(entries: Sequence[Entry], hardware: str) -> list[Entry]:
    """Return one hardware's jobs whose conditions are known, those that succeeded if any did."""
    from jobs.errors import FarmError, UnknownNameError

    known = sorted({each.hardware for each in entries})
    if hardware not in known:
        raise UnknownNameError("hardware", hardware, known)
    found = [each for each in entries if each.hardware == hardware and each.conditions]
    if not found:
        raise FarmError(
            f"nothing is known of what {hardware} was measured under: none of its jobs has ended; "
            f"`farm status` says how far the run is"
        )
    return [each for each in found if each.state == "succeeded"] or found
