"""`farm status`: how far a run is, once."""

from __future__ import annotations

import click

from farm.cli.options import json_option, redis_option


@click.command(name="status", short_help="Print how far a run is, once.")
@click.argument("run", required=False)
@redis_option
@json_option
def command(run: str | None, redis_url: str | None, as_json: bool) -> None:
    """Print how far a run is (the newest, or the one named)."""
    import json
    import time

    from farm.cli.session import choose_run, collected
    from farm.render import units
    from farm.render.progress import lines
    from farm.render.unreadable import summary
    from farm.runs import progress

    with collected(redis_url) as store:
        chosen = choose_run(store, run)
        rows = store.job_rows(chosen.id)
        unread = store.unreadable(chosen.id)
    if as_json:
        counts = progress.count(rows)
        click.echo(json.dumps({"run": chosen.id, "jobs": sum(counts.values()), **counts}))
        return
    cells = units.count(len(chosen.cells), "cell")
    click.echo(f"run {chosen.id}: suite {chosen.suite}, {cells}")
    for line in lines(progress.by_hardware(rows, time.time())):
        click.echo(line)
    for line in summary(unread):
        click.echo(line)
    if not rows:
        click.echo(f"waiting for {chosen.selector.describe()}; type `farm worker` on each machine")
