"""`farm export`: runs with all their results, as a file."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="export", short_help="Write a run and its results to a file.")
@click.argument("run", required=False)
@click.option("--all", "all_runs", is_flag=True, help="All runs.")
@click.option(
    "-o",
    "--output",
    "output",
    metavar="FILE",
    required=True,
    help="The file to write (.jsonl); - is standard output.",
)
@redis_option
def command(run: str | None, all_runs: bool, output: str, redis_url: str | None) -> None:
    """Write a run (the newest, or the one named) with all its results to a file.

    One JSON object a line, nothing left out; `farm import` reads it back, here or elsewhere.
    """
    from farm.cli.session import choose_run, collected
    from farm.exchange import exchange
    from farm.output import opened
    from farm.render.units import count

    if run and all_runs:
        raise click.UsageError("RUN names one run; it does not go with --all")
    with collected(redis_url) as store:
        newest = choose_run(store, run)
        chosen = store.runs() if all_runs else [newest]
        with opened(output) as file:
            written = exchange.write(store, chosen, file)
    said = f"{count(written.runs, 'run')}, {count(written.results, 'result')}"
    if written.jobs:
        said += f", {count(written.jobs, 'job')} without a result"
    click.echo(f"{'standard output' if output == '-' else output}: {said}", err=output == "-")
