"""`farm retry`: measure jobs of a run once more."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="retry", short_help="Measure jobs of a run once more.")
@click.argument("run")
@click.option("--failed", is_flag=True, help="Those that failed, timed out or ran out of memory.")
@click.option("--invalid", is_flag=True, help="Those that `farm matrix` calls invalid.")
@click.option("--noisy", is_flag=True, help="Those whose machine was not quiet.")
@click.option(
    "--hardware", metavar="NAME", multiple=True, help="Of this hardware only; may be repeated."
)
@click.option(
    "--baseline", metavar="NAME", help="The baseline of --invalid (default: the first, as there)."
)
@redis_option
def command(
    run: str,
    failed: bool,
    invalid: bool,
    noisy: bool,
    hardware: tuple[str, ...],
    baseline: str | None,
    redis_url: str | None,
) -> None:
    """Put new jobs in the place of those of RUN that did not succeed, or that the options name.

    Without an option: those that failed, timed out, ran out of memory or were cancelled. What is
    unsupported stays so, unless --hardware alone names its machine. The new results count in place
    of the old ones, which are kept: `farm show JOB` prints them.
    """
    from collections import Counter

    from farm.cli.session import collected, recorded_run
    from farm.redis import broker
    from farm.render.units import count
    from farm.runs.collector import collect_run
    from farm.runs.coordinator import Coordinator
    from farm.runs.retrial import Wanted, choose, put_back
    from workers.client import explained

    if baseline and not invalid:
        raise click.UsageError("--baseline says what --invalid compares with; it needs --invalid")
    url = broker.resolve(redis_url)
    coordinator = Coordinator(url)
    chosen = recorded_run(coordinator, run)
    wanted = Wanted(failed=failed, invalid=invalid, noisy=noisy, hardware=frozenset(hardware))
    with collected(url) as store:
        found = {entry.job: entry for entry in choose(store.entries([chosen]), wanted, baseline)}
        if not found:
            click.echo(f"run {chosen.id}: no job is to be measured once more")
            return
        by_hardware: dict[str, list[str]] = {}
        for entry in found.values():
            by_hardware.setdefault(entry.hardware, []).append(entry.job)
        new = put_back(coordinator, chosen, by_hardware)
        with explained(url):
            collect_run(coordinator.ledger, store, chosen.id)
    were = [found[job.model_copy(update={"retry": job.retry - 1}).id] for job in new]
    places = Counter((entry.hardware, entry.state) for entry in were)
    said = ", ".join(
        f"{number:,} {state.replace('_', ' ')} on {name}"
        for (name, state), number in sorted(places.items())
    )
    click.echo(f"run {chosen.id}: {count(len(new), 'job')} once more{f' ({said})' if said else ''}")
    if left := len(found) - len(new):
        click.echo(f"{count(left, 'job')} left: somebody else has just asked, or they run again")
