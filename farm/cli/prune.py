"""`farm prune`: Redis forgets what the store holds."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="prune", short_help="Let Redis forget runs that the store holds.")
@click.argument("run", required=False)
@redis_option
def command(run: str | None, redis_url: str | None) -> None:
    """Let Redis forget RUN, once the store holds every result of it; it is closed first.

    Without RUN: every run whose jobs have all ended and that nobody can join any more, because it
    was closed, its suite was submitted again, or the hardware that it names is all there. Workers
    that have been gone for a day are forgotten, too. The results stay in the store.
    """
    from farm.cli.session import collected, recorded_run
    from farm.redis import broker
    from farm.render.units import count
    from farm.runs.coordinator import Coordinator
    from farm.runs.pruning import NotHeldError, done_with, prune, sweep
    from workers.client import explained

    url = broker.resolve(redis_url)
    coordinator = Coordinator(url)
    with collected(url) as store:
        if run is not None:
            runs = [recorded_run(coordinator, run)]
        else:
            with explained(url):
                found = [coordinator.run(name) for name in coordinator.ledger.runs()]
            runs = [each for each in found if each and done_with(coordinator, each)]
        for each in runs:
            try:
                held = prune(coordinator, store, each)
            except NotHeldError as error:
                if run is not None:
                    raise
                click.echo(str(error))
                continue
            click.echo(f"run {each.id}: Redis forgot {count(held, 'result')}; the store has them")
    gone = sweep(coordinator)
    if gone:
        click.echo(f"{count(gone, 'worker')} gone for more than a day forgotten")
    if not runs and not gone:
        click.echo("nothing to prune: every run here is unfinished, or may still be joined")
