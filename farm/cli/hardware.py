"""`farm hardware`: what this machine is."""

from __future__ import annotations

import click

from farm.cli.options import cpus_option, device_option, hardware_option, json_option, tag_option

UNITS = {"_watts": "W", "_mhz": "MHz", "_bits": "bit"}


@click.command(name="hardware")
@device_option
@cpus_option
@hardware_option
@tag_option
@json_option
def command(
    device: str | None,
    cpus: str | None,
    hardware_name: str | None,
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what this machine is: its name, its tags, and the facts that identify it.

    A worker started with the same options joins the farm as exactly this.
    """
    import json

    from farm.render.escape import plain
    from workers.cpus import parse_cpus
    from workers.hardware import detect

    chosen = parse_cpus(cpus) if cpus is not None else None
    hardware = detect(device=device, cpus=chosen, name=hardware_name, tags=tags)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "name": hardware.name,
                    "device": hardware.device,
                    "device_index": hardware.device_index,
                    "tags": hardware.tags,
                    "facts": hardware.facts,
                    "fingerprint": hardware.fingerprint,
                    "declared": hardware.declared,
                },
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    which = "" if hardware.device_index is None else f":{hardware.device_index}"
    rows = [
        ("name", hardware.name + (" (declared)" if hardware.declared else "")),
        ("device", f"{hardware.device}{which}"),
        ("tags", ", ".join(hardware.tags)),
        ("fingerprint", hardware.fingerprint),
    ]
    rows += [_row(key, value) for key, value in hardware.facts.items() if value is not None]
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        click.echo(f"{label:<{width}}  {plain(text)}")


def _row(key: str, value: bool | int | float | str) -> tuple[str, str]:
    """Write one fact: its unit leaves the key and joins the value."""
    from farm.render.units import size

    label, text = key, str(value)
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif key.endswith("_bytes"):
        label, text = key.removesuffix("_bytes"), size(float(value))
    for suffix, unit in UNITS.items():
        if key.endswith(suffix):
            label, text = key.removesuffix(suffix), f"{value:g} {unit}"
    return label.replace("_", " "), text
