"""`farm suites`: the suites that come with the farm."""

from __future__ import annotations

import click

from farm.cli.options import json_option


@click.command(name="suites", short_help="List the ready suites.")
@json_option
def command(as_json: bool) -> None:
    """List the suites that `farm submit` knows by name."""
    import json

    from tabulate import tabulate

    from farm.suite.suite import load
    from farm.suites import SAME_AS, ready_suites

    suites = {name: load(name) for name in ready_suites()}
    if as_json:
        listed = [
            {
                "name": name,
                "description": suite.description,
                "hardware": suite.hardware.model_dump(),
                "cells": len(suite.planned_cells()),
                "jobs_per_hardware": suite.jobs_per_hardware,
            }
            for name, suite in suites.items()
        ]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    rows = [
        (
            name,
            suite.jobs_per_hardware,
            f"as {SAME_AS[name]}" if name in SAME_AS else suite.description,
        )
        for name, suite in suites.items()
    ]
    click.echo(tabulate(rows, headers=("suite", "jobs per hardware", "what it measures")))
