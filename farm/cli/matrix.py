"""`farm matrix`: the speed-up of every hardware over a baseline."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from farm.cli.options import redis_option
from farm.render import FORMATS

if TYPE_CHECKING:
    from farm.run import Run
    from farm.store import Store


@click.command(name="matrix", short_help="Print the speed-ups over a baseline.")
@click.option(
    "--baseline", metavar="NAME", help="The hardware that counts as 1.00 (default: the first)."
)
@click.option("--suite", metavar="NAME", help="The newest run of this suite.")
@click.option("--run", "run_id", metavar="RUN", help="This run.")
@click.option("--all", "all_runs", is_flag=True, help="All runs, pooled (of --suite, when given).")
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True)
@redis_option
def command(
    baseline: str | None,
    suite: str | None,
    run_id: str | None,
    all_runs: bool,
    style: str,
    redis_url: str | None,
) -> None:
    """Print each hardware's speed-up over the baseline, per workload and batch size.

    The newest run of the newest suite, unless --suite, --run or --all say otherwise.
    """
    import shutil

    from farm.cli.session import collected
    from farm.matrix import build
    from farm.render import render

    if run_id and (suite or all_runs):
        raise click.UsageError("--run names one run; it does not go with --suite or --all")
    with collected(redis_url) as store:
        chosen = _choose(store, run_id, suite, all_runs)
        entries = store.entries(chosen)
    matrix = build(entries, baseline=baseline)
    title = f"run {chosen[0].id}" if len(chosen) == 1 else f"{len(chosen)} runs, pooled"
    fits = (sys.stdout is not None and sys.stdout.isatty()) or "COLUMNS" in os.environ
    width = shutil.get_terminal_size().columns if fits else None
    click.echo(render(matrix, style, title=title, width=width))


def _choose(store: Store, run_id: str | None, suite: str | None, all_runs: bool) -> list[Run]:
    from farm.cli.session import choose_run

    newest = choose_run(store, run_id, suite)
    return store.runs(suite) if all_runs else [newest]
