"""`farm import`: results of another farm, or measurements made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from farm.cli.exit_code import ExitCode
from farm.cli.options import json_option

if TYPE_CHECKING:
    from farm.exchange.importer import Imported

NAMED = 5  # jobs that a message names


@click.command(name="import", short_help="Read results, or a CSV of measurements, from files.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
def command(files: tuple[str, ...], as_json: bool) -> int:
    """Read what `farm export` wrote, or CSV files of measurements made elsewhere.

    A CSV file needs the columns hardware, workload and seconds, and batch_size where the work goes
    by batches; a row is a lap, and rows with the same repeat are laps of one process. All files are
    checked before anything is kept, and reading a file again changes nothing. - is standard input.
    """
    import dataclasses
    import json

    from farm.exchange.importer import import_files
    from farm.render.escape import plain
    from farm.store.store import Store

    with Store() as store:
        done = import_files(store, files)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in done], indent=2))
    else:
        for each in done:
            for line in _lines(each):
                click.echo(plain(line))
    left_out = any(each.other_results or each.other_runs for each in done)
    return ExitCode.FAILED if left_out else ExitCode.DONE


def _lines(imported: Imported) -> list[str]:
    from farm.render.units import count

    file, kept = imported.file, "what was here is kept"
    into = imported.runs[0] if len(imported.runs) == 1 else count(len(imported.runs), "run")
    known = imported.results - imported.new - len(imported.other_results)
    said = f"{file}: {count(imported.new, 'new result')} in {into}"
    lines = [f"{said}, {known:,} known already" if known else said]
    lines += [f"{file}: {note}" for note in imported.notes]
    lines += [f"{file}: run {run} is another one here; {kept}" for run in imported.other_runs]
    if others := imported.other_results:
        named = ", ".join(others[:NAMED]) + (", …" if len(others) > NAMED else "")
        lines.append(f"{file}: {count(len(others), 'result')} contradict; {kept}: {named}")
    return lines
