"""`farm matrix`: the speed-up of every hardware over a baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.choices import ACROSS, METRICS
from farm.cli.options import redis_option
from farm.render import FORMATS

if TYPE_CHECKING:
    from farm.run import Run
    from farm.store.store import Store


@click.command(name="matrix", short_help="Print the speed-ups over a baseline.")
@click.option(
    "--baseline", metavar="NAME", help="The hardware that counts as 1.00 (default: the first)."
)
@click.option("--suite", metavar="NAME", help="The newest run of this suite.")
@click.option("--run", "run_id", metavar="RUN", help="This run.")
@click.option("--all", "all_runs", is_flag=True, help="All runs, pooled (of --suite, when given).")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="speedup",
    show_default=True,
    help="What the cells show.",
)
@click.option(
    "--by",
    type=click.Choice(("workload", "batch_size")),
    help="One row for each of these: the geometric mean of its cells.",
)
@click.option(
    "--across",
    type=click.Choice(ACROSS),
    multiple=True,
    help="Compare cells that differ in this, each hardware at its fastest; may be repeated.",
)
@click.option(
    "--best-batch",
    is_flag=True,
    help="Compare each hardware at its fastest batch size (default: all at the same).",
)
@click.option(
    "--strict", is_flag=True, help="Leave out cells that differ in anything that changes the work."
)
@click.option(
    "--ci/--no-ci",
    default=None,
    help="Show the 95 % intervals (default: where there is room), or do not compute any.",
)
@click.option("--format", "style", type=click.Choice(FORMATS), default="table", show_default=True)
@redis_option
def command(
    baseline: str | None,
    suite: str | None,
    run_id: str | None,
    all_runs: bool,
    metric: str,
    by: str | None,
    across: tuple[str, ...],
    best_batch: bool,
    strict: bool,
    ci: bool | None,
    style: str,
    redis_url: str | None,
) -> None:
    """Print each hardware's speed-up over the baseline, per workload and batch size.

    --metric shows something else: seconds per epoch or task, throughput, latency of inference,
    energy, memory, cold start; efficiency is the share of the published peak of float32 arithmetic,
    measured-efficiency that of the best product of matrices that `matmul` measured there.

    The newest run of the newest suite, unless --suite, --run or --all say otherwise. Below stand
    footnotes, what else differed between the machines, and warnings with what to do about them.
    """
    from farm.cli.session import collected
    from farm.matrix import peak
    from farm.matrix.matrix import build
    from farm.render import render, width

    if run_id and (suite or all_runs):
        raise click.UsageError("--run names one run; it does not go with --suite or --all")
    if best_batch and by == "batch_size":
        raise click.UsageError("--best-batch leaves no batch sizes to sum up by: --by workload")
    with collected(redis_url) as store:
        chosen = _choose(store, run_id, suite, all_runs)
        entries = store.entries(chosen)
        peaks = peak.measured(store, chosen) if metric == "measured-efficiency" else None
    matrix = build(
        entries,
        baseline=baseline,
        metric=metric,
        by=by,
        across=across,
        best_batch=best_batch,
        strict=strict,
        intervals=ci is not False or style in ("json", "csv"),
        peaks=peaks,
    )
    title = f"run {chosen[0].id}" if len(chosen) == 1 else f"{len(chosen)} runs, pooled"
    asked = chosen[0].id if run_id or suite else None
    click.echo(render(matrix, style, title=title, width=width.of_output(), ci=ci, run=asked))


def _choose(store: Store, run_id: str | None, suite: str | None, all_runs: bool) -> list[Run]:
    from farm.cli.session import choose_run

    newest = choose_run(store, run_id, suite)
    return store.runs(suite) if all_runs else [newest]
