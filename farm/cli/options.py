"""Options that several verbs share."""

from __future__ import annotations

import click

redis_option = click.option(
    "--redis",
    "redis_url",
    metavar="URL|@FILE",
    help="The farm's Redis, or a file that names it, such as worker.url (default: FARM_REDIS_URL, "
    "else the one that `farm up` started here).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
device_option = click.option(
    "--device",
    metavar="cpu|gpu|gpu:N",
    help="The device to measure (default: the first GPU, else the CPU).",
)
cpus_option = click.option(
    "--cpus", metavar="LIST", help="Measure on these CPUs only, for example 0-3,6 (Linux)."
)
hardware_option = click.option(
    "--hardware", "hardware_name", metavar="NAME", help="Use this name instead of the detected one."
)
tag_option = click.option(
    "--tag", "tags", metavar="TAG", multiple=True, help="A further tag; may be repeated."
)
