"""Live progress of a run, until all its jobs have ended."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from farm.cli.exit_code import ExitCode

if TYPE_CHECKING:
    from rich.console import RenderableType

    from farm.run import Run
    from farm.runs.coordinator import Coordinator
    from farm.runs.progress import HardwareProgress
    from farm.store.store import Store

LEAST_SECONDS = 0.1  # between two looks
REFRESH_SECONDS = 5.0  # at the latest; a result refreshes at once


def watch(run: Run, coordinator: Coordinator, store: Store, *, quiet: bool = False) -> ExitCode:
    """Follow the run to its end, and say how it went; Ctrl-C ends the watching alone.

    `quiet` leaves standard output alone: progress goes to standard error.
    """
    from farm.render import progress, width
    from farm.render.wrap import wrapped

    try:
        counts = follow(run, coordinator, store, quiet=quiet)
    except KeyboardInterrupt:
        what = f"`farm watch {run.id}` follows it, `farm cancel {run.id}` ends it"
        for line in wrapped(f"run {run.id} goes on: {what}", width.of_errors(), rest="  "):
            click.echo(line, err=True)
        raise
    if not quiet:
        for line in wrapped(progress.ended(run, counts), width.of_output(), rest="  "):
            click.echo(line)
    return ExitCode.DONE if counts["succeeded"] == sum(counts.values()) else ExitCode.JOBS_FAILED


def follow(
    run: Run, coordinator: Coordinator, store: Store, *, quiet: bool = False
) -> dict[str, int]:
    """Show the run's progress until every job has ended; return the number in each state.

    `quiet` leaves standard output alone: progress goes to standard error.
    """
    from farm.render.progress import remarks
    from farm.runs import presence, progress
    from farm.runs.collector import collect_run
    from jobs.errors import FarmError
    from workers.client import explained
    from workers.job_states import OPEN

    with _view(quiet=quiet) as view, explained(coordinator.url):
        while True:
            coordinator.enlist_present()
            if not collect_run(coordinator.ledger, store, run.id):
                time.sleep(LEAST_SECONDS)  # also where a log has what is never collected
            rows = store.job_rows(run.id)
            waiting = coordinator.waits_for(run)
            here = presence.looked_up(coordinator.registry)
            parts = progress.by_hardware(rows, time.time(), here)
            view.show(parts, remarks(run, parts, waiting, here))
            counts = progress.count(rows)
            if not waiting and not any(counts[state] for state in OPEN):
                if not rows:
                    newer = coordinator.superseded_by(run)
                    why = f"it joins {newer}, the suite's newest run" if newer else "it was closed"
                    raise FarmError(f"run {run.id} has no job, and no hardware joins it: {why}")
                return counts
            cursors = {name: each.cursor for name, each in store.progress(run.id).items()}
            coordinator.ledger.wait_for_result(run.id, cursors, REFRESH_SECONDS)


def _view(*, quiet: bool) -> Plain | Live:
    terminal = sys.stdout is not None and sys.stdout.isatty() and not quiet
    return Live() if terminal else Plain(to_stderr=quiet)


class Plain:
    """One line a change, for logs and pipes."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._shown: dict[str, object] = {}  # what was said last of each hardware
        self._remarks: list[str] = []
        self._to_stderr = to_stderr

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, parts: list[HardwareProgress], remarks: list[str]) -> None:
        """Print the lines that say something new; that time goes by is no news."""
        from farm.render.progress import words

        for part in parts:
            news = (part.done, part.jobs, part.absence is None)
            if self._shown.get(part.hardware) != news:
                self._shown[part.hardware] = news
                click.echo(f"{part.hardware}: {words(part)}", err=self._to_stderr)
        for remark in remarks:
            if remark not in self._remarks:
                click.echo(remark, err=self._to_stderr)
        self._remarks = remarks


class Live:
    """A table with a bar for each hardware, redrawn when there is news."""

    def __init__(self) -> None:
        from rich.live import Live as RichLive

        # No refresh thread: it would wake up beside the measurement when both share a machine.
        self._live = RichLive(auto_refresh=False)

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, parts: list[HardwareProgress], remarks: list[str]) -> None:
        """Redraw."""
        from rich.console import Group

        from farm.render.progress import unserved

        table = [self._table(parts)] if parts else []
        waits = [f"{part.hardware}: {unserved(part)}" for part in parts if part.absence]
        self._live.update(Group(*table, *map(self._line, [*waits, *remarks])), refresh=True)

    def _line(self, text: str) -> RenderableType:
        from rich.text import Text

        from farm.render.wrap import wrapped

        return Text("\n".join(wrapped(text, self._live.console.width, rest="  ")))

    def _table(self, parts: list[HardwareProgress]) -> RenderableType:
        from rich.markup import escape
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        from farm.render.progress import time_left

        table = Table(box=None, pad_edge=False)
        for heading in ("hardware", "", "done", "running", "failed", ""):
            table.add_column(heading, justify="right" if heading in ("done", "running") else "left")
        for part in parts:
            failed = part.done - part.counts["succeeded"]
            table.add_row(
                escape(part.hardware),
                ProgressBar(total=max(1, part.jobs), completed=part.done, width=24),
                f"{part.done}/{part.jobs}",
                "" if part.absence else str(part.counts["running"] or ""),
                f"[red]{failed}[/red]" if failed else "",
                "no worker is here" if part.absence else time_left(part),
            )
        return table
