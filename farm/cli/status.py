"""`farm status`: how far a run is, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.options import json_option, redis_option

if TYPE_CHECKING:
    from farm.run import Run
    from farm.runs.presence import Presence


@click.command(name="status", short_help="Print how far a run is, once.")
@click.argument("run", required=False)
@redis_option
@json_option
def command(run: str | None, redis_url: str | None, as_json: bool) -> None:
    """Print how far a run is (the newest, or the one named), and what of it waits for whom."""
    import json
    import time

    from farm.cli.session import choose_run, collected
    from farm.render.progress import heading, lines, remarks
    from farm.render.unreadable import summary
    from farm.render.width import of_output
    from farm.render.wrap import wrapped
    from farm.runs import progress

    with collected(redis_url) as store:
        chosen = choose_run(store, run)
        rows = store.job_rows(chosen.id)
        unread = store.unreadable(chosen.id)
    here, waiting = _in_redis(redis_url, chosen)
    parts = progress.by_hardware(rows, time.time(), here)
    if as_json:
        counts = progress.count(rows)
        told = {"run": chosen.id, "jobs": sum(counts.values()), **counts}
        if waiting_for := progress.unserved(parts):
            told["unserved"] = waiting_for
        click.echo(json.dumps(told))
        return
    if not rows and here is None:
        waiting = chosen.selector.describe()
    said = [heading(chosen), *lines(parts), *summary(unread)]
    said += remarks(chosen, parts, waiting, here)
    if not rows and not waiting:
        said.append("it has no job, and no hardware joins it any more")
    for each in said:
        for line in wrapped(each, of_output(), rest="  "):
            click.echo(line)


def _in_redis(redis_url: str | None, run: Run) -> tuple[Presence | None, str | None]:
    """Return who is here, and in words which hardware may still join the run.

    Twice None where no Redis has the run, or answers: whoever collected has said why.
    """
    from farm.redis import broker
    from farm.runs import presence
    from jobs.errors import BrokerError
    from workers.client import connect, explained
    from workers.ledger import Ledger
    from workers.registry import Registry

    try:
        url = broker.resolve(redis_url)
        with connect(url) as client, explained(url):
            ledger = Ledger(client)
            if run.id not in ledger.runs():
                return None, None
            joinable = run.id in ledger.open_runs()
            waiting = run.waits_for(list(ledger.columns(run.id).values())) if joinable else None
            return presence.looked_up(Registry(client)), waiting
    except BrokerError:
        return None, None
