"""`farm schema`: the JSON Schema that editors complete suite files from."""

from __future__ import annotations

import click


@click.command(name="schema", short_help="Print the JSON Schema of suite files.")
def command() -> None:
    """Print the JSON Schema of suite files, which editors check and complete them from.

    \b
    farm schema > suite.schema.json
    then as the first line of a suite:
    # yaml-language-server: $schema=suite.schema.json
    """
    import json

    from farm.suite.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
