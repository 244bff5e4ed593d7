"""`farm show`: one result in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.options import json_option, redis_option

if TYPE_CHECKING:
    from farm.run import Run
    from farm.store.store import Store
    from jobs.result import Result


@click.command(name="show", short_help="Print one result in full.")
@click.argument("job", required=False)
@click.option("--run", "run_id", metavar="RUN", help="List the jobs of this run.")
@redis_option
@json_option
def command(job: str | None, run_id: str | None, redis_url: str | None, as_json: bool) -> None:
    """Print one job's result in full: laps, warm-up, telemetry, environment, error.

    JOB is a job's id, or as much of its beginning as no other has. Without it, the jobs of the
    newest run are listed (or of --run), also those in whose place others were asked for.
    """
    import json

    from farm.cli.session import choose_run, collected
    from workers.job_states import SUPERSEDED

    if job is not None and run_id is not None:
        raise click.UsageError("--run lists a run's jobs; a job's id needs no run beside it")
    with collected(redis_url) as store:
        if job is None:
            chosen = choose_run(store, run_id)
            _list(store, chosen, as_json)
            return
        result = _find(store, job)
        superseded = store.state(result.job.id) == SUPERSEDED
        came = [each for each in store.unreadable(result.job.run) if each.job == result.job.id]
    if as_json:
        # As ASCII: what steers a terminal is not only below 32, which JSON escapes.
        click.echo(json.dumps(json.loads(result.model_dump_json()), indent=2))
        return
    from farm.render.result import lines
    from farm.render.unreadable import lines as as_it_came

    if superseded:
        click.echo("superseded: this result does not count, the job was asked for once more\n")
    for line in (*lines(result), *(line for each in came for line in as_it_came(each))):
        click.echo(line)


def _find(store: Store, job: str) -> Result:
    from jobs.errors import FarmError, UsageError

    wanted = job.strip().lower()
    found = store.result(wanted) if wanted else []
    if len(found) == 1 or (found and found[0].job.id == wanted):
        return found[0]
    if found:
        labels = "; ".join(f"{each.job.id} ({each.job.label})" for each in found)
        raise UsageError(f"more than one job begins with {job!r}: {labels}; …; type more of the id")
    for run in store.runs():
        for row in store.job_rows(run.id, superseded=True):
            if wanted and row.id.startswith(wanted):
                state = row.state.replace("_", " ")
                raise FarmError(f"job {row.id} of run {run.id} is {state}: it has no result yet")
    raise UsageError(
        f"there is no job {job!r}; accepted: a job's id, or how one begins; "
        f"`farm show` lists those of the newest run, `farm show --run RUN` those of another"
    )


def _list(store: Store, run: Run, as_json: bool) -> None:
    import json

    from farm.exchange.exchange import specs_of
    from farm.render import jobs, units, width

    rows = store.job_rows(run.id, superseded=True)
    specs = specs_of(run, rows)
    if not as_json:
        counted = units.count(len(rows), "job")
        click.echo(f"run {run.id}: {counted}; `farm show JOB` prints one in full")
        for line in jobs.table(run, rows, specs, width.of_output()) if rows else []:
            click.echo(line)
        return
    listed = []
    for row in rows:
        spec = specs.get(row.id)
        work = spec.model_dump(mode="json", include={"cell", "repeat"}) if spec else {}
        listed.append({"job": row.id, "hardware": row.hardware, "state": row.state, **work})
    click.echo(json.dumps({"run": run.id, "jobs": listed}, indent=2))
