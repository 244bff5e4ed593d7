"""`farm watch`: live progress of a run."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="watch", short_help="Show a run's progress until it ends.")
@click.argument("run", required=False)
@redis_option
def command(run: str | None, redis_url: str | None) -> int:
    """Show a run's progress (the newest's, or the one named) until all its jobs have ended.

    Ctrl-C ends the watching, not the run. Exit code 3 when some jobs did not succeed.
    """
    from farm.cli.progress import watch
    from farm.cli.session import choose_run, collected
    from farm.redis import broker
    from farm.render.progress import heading
    from farm.runs.coordinator import Coordinator

    url = broker.resolve(redis_url)
    coordinator = Coordinator(url)
    with collected(url) as store:
        chosen = choose_run(store, run)
        click.echo(heading(chosen))
        return watch(chosen, coordinator, store)
