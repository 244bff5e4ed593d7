"""`farm workloads`: what can be measured, and what of it on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.options import device_option, json_option

if TYPE_CHECKING:
    from jobs.capabilities import Capabilities
    from jobs.workload import Workload


@click.command(name="workloads", short_help="List what can be measured, and what of it here.")
@click.argument("name", required=False)
@device_option
@json_option
def command(name: str | None, device: str | None, as_json: bool) -> None:
    """List the workloads that suites can name, and whether this machine can run each.

    With NAME, all about one: where it comes from, what of it is reconstructed, its parameters.
    """
    import json

    from farm.render.workloads import details, facts
    from jobs import catalogue
    from workers import capabilities
    from workers.hardware import detect

    chosen = [catalogue.find(name)] if name else catalogue.every()
    has = capabilities.detect(detect(device=device))
    if as_json:
        said = [facts(each, has) for each in chosen]
        whole = {**said[0], **details(chosen[0])} if name else said
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    elif name:
        _print_one(chosen[0], has)
    else:
        _print_all(chosen, has)
        for place, why in catalogue.catalogue().broken.items():
            click.echo(f"\nleft out: {place}: {why}", err=True)


def _print_all(workloads: tuple[Workload, ...] | list[Workload], has: Capabilities) -> None:
    from tabulate import tabulate

    from farm.render.width import of_output
    from farm.render.workloads import lacking

    reasons = {each.name: lacking(each, has) for each in workloads}
    rows = [(each.name, "no" if reasons[each.name] else "yes", each.summary) for each in workloads]
    named = max(len(each.name) for each in workloads)
    room = max(30, (of_output() or 200) - named - 10)
    headers = ("workload", "here", "what it is")
    click.echo(tabulate(rows, headers=headers, maxcolwidths=[None, None, room]))
    for name, why in reasons.items():
        if why:
            click.echo(f"\n{name} cannot run here: {why}")
    click.echo("\n`farm workloads NAME` says all about one")


def _print_one(workload: Workload, has: Capabilities) -> None:
    from farm.render.workloads import details, lacking

    said = details(workload)
    why = lacking(workload, has)
    parameters = said.pop("parameters")
    rows = {
        "workload": workload.name,
        **said,
        "source": workload.source,
        "backends": list(workload.backends),
        "needs": list(workload.needs),
        "here": "yes" if why is None else f"no: {why}",
    }
    width = max(map(len, rows))
    for label, value in rows.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if text not in ("", None):
            click.echo(f"{label:<{width}}  {text}")
    if parameters:
        click.echo("\nparameters, with their defaults:")
        for key, each in parameters.items():
            click.echo(f"  {key}={each['default']}  {each['description'] or ''}")
