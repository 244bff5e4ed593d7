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

    from farm.suite import load
    from farm.suites import ready_suites

    suites = [load(name) for name in ready_suites()]
    if as_json:
        listed = [
            {
                "name": suite.name,
                "description": suite.description,
                "hardware": suite.hardware.model_dump(),
                "cells": len(suite.planned_cells()),
                "jobs_per_hardware": suite.jobs_per_hardware,
            }
            for suite in suites
        ]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    rows = [(suite.name, suite.jobs_per_hardware, suite.description) for suite in suites]
    click.echo(tabulate(rows, headers=("suite", "jobs per hardware", "what it measures")))
