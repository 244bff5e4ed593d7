"""`farm submit`: send a suite to the farm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.exit_code import ExitCode
from farm.cli.options import json_option, redis_option

if TYPE_CHECKING:
    from farm.run import Run
    from farm.suite.suite import Suite


@click.command(name="submit", short_help="Send a suite to the farm.")
@click.argument("suite")
@redis_option
@click.option("--wait", is_flag=True, help="Show progress until all jobs have ended.")
@click.option("--dry-run", is_flag=True, help="Print the jobs, send nothing.")
@json_option
def command(suite: str, redis_url: str | None, wait: bool, dry_run: bool, as_json: bool) -> int:
    """Send SUITE, a file or the name of a ready suite, to all hardware that it selects.

    Hardware that joins later gets its jobs when it does. Exit code 3 when --wait saw jobs that did
    not succeed.
    """
    import json

    from farm.cli.progress import watch
    from farm.cli.session import collected
    from farm.redis import broker
    from farm.runs.collector import collect_run
    from farm.runs.coordinator import Coordinator
    from farm.suite.suite import load
    from workers.client import explained

    loaded = load(suite)
    if dry_run:
        _print_jobs(loaded, as_json)
        return ExitCode.DONE
    url = broker.resolve(redis_url)
    coordinator = Coordinator(url)
    with collected(url) as store:
        run = coordinator.submit(loaded)
        with explained(url):
            collect_run(coordinator.ledger, store, run.id)
            jobs = coordinator.ledger.job_count(run.id)
            columns = sorted(coordinator.ledger.columns(run.id))
        if as_json:
            click.echo(json.dumps({"run": run.id, "jobs": jobs}))
        else:
            _say(run, jobs, columns)
        if not wait:
            return ExitCode.DONE
        return watch(run, coordinator, store, quiet=as_json)


def _say(run: Run, jobs: int, columns: list[str]) -> None:
    from farm.render import units
    from farm.render.escape import plain
    from farm.render.width import of_output
    from farm.render.wrap import wrapped

    if columns:
        shown = ", ".join(map(plain, columns))
        click.echo(f"submitted run {run.id}: {units.count(jobs, 'job')} for {shown}")
        return
    who, where = ("", "on each machine") if run.selector.is_all else ("such ", "there")
    click.echo(f"submitted run {run.id}: no jobs yet")
    waits = f"it waits for {run.selector.describe()}, and no {who}worker is here"
    for line in wrapped(f"{waits}: type `farm worker` {where}", of_output(), rest="  "):
        click.echo(line)


def _print_jobs(suite: Suite, as_json: bool) -> None:
    import json

    from farm.render import units
    from farm.render.escape import plain
    from farm.suite.plan import jobs_for

    jobs = jobs_for("dry-run", "any", suite.planned_cells(), suite.seed)
    if as_json:
        click.echo(json.dumps([job.model_dump(mode="json") for job in jobs], indent=2))
        return
    from tabulate import tabulate

    rows = [
        (
            job.cell.workload,
            job.cell.batch_size,
            f"#{job.repeat}",
            job.cell.precision,
            job.cell.backend,
            {True: "on", False: "off", None: "usual"}[job.cell.jit],
            job.cell.data,
            job.cell.mode,
            job.cell.optimizer,
            job.cell.protocol,
            job.cell.epochs,
            plain(" ".join(f"{name}={value}" for name, value in job.cell.parameters.items())),
        )
        for job in jobs
    ]
    headings = (
        *("workload", "batch", "repeat", "precision", "backend", "jit", "data", "mode"),
        *("optimizer", "protocol", "epochs", "parameters"),
    )
    click.echo(tabulate(rows, headers=headings))
    counted = units.count(len(jobs), "job")
    click.echo(f"\n{counted} on each of: {suite.hardware.describe()}; nothing was sent")
