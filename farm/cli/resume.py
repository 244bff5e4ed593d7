"""`farm resume`: enqueue what of a run is in no queue."""

from __future__ import annotations

import click

from farm.cli.options import redis_option


@click.command(name="resume", short_help="Enqueue the jobs of a run that are in no queue.")
@click.argument("run")
@redis_option
def command(run: str, redis_url: str | None) -> None:
    """Complete RUN, whose submission was interrupted, or whose jobs Redis has lost from a queue.

    Every job that has not ended and whose message is nowhere gets one, and hardware that is here
    and has no jobs yet joins. Safe at any time: a job whose message is there gets no other.
    """
    from farm.cli.session import recorded_run
    from farm.redis import broker
    from farm.render.units import count
    from farm.runs.coordinator import Coordinator
    from farm.runs.resumption import resume
    from jobs.errors import FarmError
    from workers.client import explained

    coordinator = Coordinator(broker.resolve(redis_url))
    chosen = recorded_run(coordinator, run)
    done = resume(coordinator, chosen)
    for hardware in done.joined:
        click.echo(f"{hardware} joined: {count(len(chosen.jobs(hardware)), 'job')}")
    sent = {hardware: number for hardware, number in done.enqueued.items() if number}
    for hardware, number in sent.items():
        were = "was" if number == 1 else "were"
        click.echo(f"{hardware}: {count(number, 'job')} {were} in no queue, and enqueued")
    if done.problems:
        raise FarmError("\n".join(done.problems))
    if not done.joined and not sent:
        click.echo(f"run {chosen.id}: nothing was missing")
    with explained(coordinator.url):
        waiting = coordinator.waits_for(chosen)
    if waiting:
        click.echo(f"it waits for {waiting}: type `farm worker` there")
