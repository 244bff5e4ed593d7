"""`farm workers`: who is here, what each is doing, and who was here."""

from __future__ import annotations

import click

from farm.cli.options import json_option, redis_option


@click.command(name="workers", short_help="List who is here, and who was.")
@redis_option
@json_option
def command(redis_url: str | None, as_json: bool) -> None:
    """List who is here, what each is doing, and who was here."""
    import json

    from farm.redis import broker
    from farm.render.escape import plain
    from farm.render.units import duration
    from workers.client import connect, explained
    from workers.registry import Registry

    url = broker.resolve(redis_url)
    registry = Registry(connect(url))
    with explained(url):
        records, now = registry.workers(), registry.now()
    if as_json:
        click.echo(json.dumps([record.model_dump(mode="json") for record in records], indent=2))
        return
    if not records:
        click.echo("no worker has joined yet; type `farm worker` on each machine")
        return
    from tabulate import tabulate

    rows = [
        (
            plain(record.name),
            record.hardware + (" (declared)" if record.declared else ""),
            record.state,
            plain(record.job or "")
            or ("" if record.present else f"seen {duration(now - record.seen_at)} ago"),
            plain(str(record.facts.get("device_name") or "")),
        )
        for record in sorted(records, key=lambda record: (not record.present, record.name))
    ]
    headers = ("worker", "hardware", "state", "doing", "device")
    click.echo(tabulate(rows, headers=headers, disable_numparse=True))
