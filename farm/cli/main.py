"""`farm`: finds the verb, runs it, and turns what it raises into one message and an exit code."""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys

import click

from farm.cli.exit_code import ExitCode
from jobs.errors import FarmError, ImportFileError, SuiteError, UsageError

HELPERS = {"main", "exit_code", "options", "session", "progress", "typed"}


class Verbs(click.Group):
    """Commands found by the names of the files in this folder, less a final underscore."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every verb."""
        return sorted(_files())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the verb's command, or None when there is no such verb."""
        file = _files().get(name)
        if file is None:
            return None
        command: click.Command = importlib.import_module(f"farm.cli.{file}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one may have been meant."""
        from jobs.errors import did_you_mean

        name = args[0]
        verbs = self.list_commands(ctx)
        if name not in verbs and not name.startswith("-"):
            raise click.UsageError(
                f"there is no command {name!r}{did_you_mean(name, verbs)}; "
                f"there is: {', '.join(verbs)}",
                ctx,
            )
        return super().resolve_command(ctx, args)


def _files() -> dict[str, str]:
    """Return the file of every verb: `import` cannot be the name of a module, `import_` can."""
    from farm import cli

    found = {module.name for module in pkgutil.iter_modules(cli.__path__)} - HELPERS
    return {name.removesuffix("_"): name for name in found}


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="benchfarm", prog_name="farm")
def farm() -> None:
    """Benchmark machine-learning hardware: many machines, one suite, one matrix of speed-ups.

    \b
    farm up                        start the farm's Redis here
    farm worker                    measure on this machine (run it on each)
    farm submit quick --wait       send a suite to all of them
    farm matrix --baseline p100    read the speed-ups
    """


def main() -> None:
    """Run the command line; the only place that exits."""
    from farm import log_format
    from farm.cli.typed import typed
    from workers.redacted import masked

    log_format.use_everywhere()
    try:
        code = farm.main(args=typed(), standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        _say(masked(said.getvalue()))  # it may quote what was typed
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("farm: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nobody is left to tell
        code = ExitCode.FAILED
    except (SuiteError, ImportFileError) as error:
        # Each line begins with its place, so that editors and terminals can jump there.
        _say(str(error))
        code = ExitCode.USAGE
    except OSError as error:
        _say(f"farm: {error.filename or 'the output'}: {error.strerror}")
        code = ExitCode.FAILED
    except FarmError as error:
        _say(f"farm: {error}")
        code = ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED
    sys.exit(int(code or 0))


def _say(text: str) -> None:
    """Print lines on standard error, wrapped for a terminal; nothing that they quote can steer it.

    For a file or a pipe each stays one line.
    """
    from farm.render.escape import lines
    from farm.render.width import of_errors
    from farm.render.wrap import wrapped

    width = of_errors()
    for line in lines(text):
        words = line.lstrip(" ")
        indent = line[: len(line) - len(words)]
        for part in wrapped(words, width, first=indent, rest=f"{indent}  "):
            click.echo(part, err=True)
