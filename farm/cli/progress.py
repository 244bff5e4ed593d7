"""Live progress of a run, until all its jobs have ended."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from farm.run import Run
    from farm.runs.coordinator import Coordinator
    from farm.runs.progress import HardwareProgress
    from farm.store.store import Store

REFRESH_SECONDS = 5.0  # at the latest; a result refreshes at once


def follow(
    run: Run, coordinator: Coordinator, store: Store, *, quiet: bool = False
) -> dict[str, int]:
    """Show the run's progress until every job has ended; return the number in each state.

    `quiet` leaves standard output alone: progress goes to standard error.
    """
    from farm.runs import progress
    from farm.runs.collector import collect_run
    from jobs.errors import FarmError
    from workers.client import explained
    from workers.job_states import OPEN

    with _view(run, quiet=quiet) as view, explained(coordinator.url):
        while True:
            coordinator.enlist_present()
            collect_run(coordinator.ledger, store, run.id)
            rows = store.job_rows(run.id)
            waiting = coordinator.waits_for(run)
            view.show(progress.by_hardware(rows, time.time()), waiting)
            counts = progress.count(rows)
            if not waiting and not any(counts[state] for state in OPEN):
                if not rows:
                    newer = coordinator.superseded_by(run)
                    why = f"it joins {newer}, the suite's newest run" if newer else "it was closed"
                    raise FarmError(f"run {run.id} has no job, and no hardware joins it: {why}")
                return counts
            cursors = {name: each.cursor for name, each in store.progress(run.id).items()}
            coordinator.ledger.wait_for_result(run.id, cursors, REFRESH_SECONDS)


def _view(run: Run, *, quiet: bool) -> Plain | Live:
    terminal = sys.stdout is not None and sys.stdout.isatty() and not quiet
    return Live(run) if terminal else Plain(to_stderr=quiet)


class Plain:
    """One line a change, for logs and pipes."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._shown: set[str] = set()
        self._to_stderr = to_stderr

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, parts: list[HardwareProgress], waiting: str | None) -> None:
        """Print the lines that say something new; the estimates alone are no news."""
        from farm.render.progress import words

        if waiting and waiting not in self._shown:
            self._shown.add(waiting)
            click.echo(f"waiting for {waiting}: type `farm worker` there", err=self._to_stderr)
        for part in parts:
            key = f"{part.hardware} {part.done} of {part.jobs}"
            if key not in self._shown:
                self._shown.add(key)
                click.echo(f"{part.hardware}: {words(part)}", err=self._to_stderr)


class Live:
    """A table with a bar for each hardware, redrawn when there is news."""

    def __init__(self, run: Run) -> None:
        from rich.live import Live as RichLive

        self.run = run
        # No refresh thread: it would wake up beside the measurement when both share a machine.
        self._live = RichLive(auto_refresh=False)

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, parts: list[HardwareProgress], waiting: str | None) -> None:
        """Redraw."""
        self._live.update(self._table(parts, waiting), refresh=True)

    def _table(self, parts: list[HardwareProgress], waiting: str | None) -> RenderableType:
        from rich.markup import escape
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        from farm.render.progress import time_left

        table = Table(box=None, pad_edge=False, title=f"run {self.run.id}", title_justify="left")
        for heading in ("hardware", "", "done", "running", "failed", ""):
            table.add_column(heading, justify="right" if heading in ("done", "running") else "left")
        for part in parts:
            failed = part.done - part.counts["succeeded"]
            table.add_row(
                escape(part.hardware),
                ProgressBar(total=max(1, part.jobs), completed=part.done, width=24),
                f"{part.done}/{part.jobs}",
                str(part.counts["running"] or ""),
                f"[red]{failed}[/red]" if failed else "",
                time_left(part),
            )
        if waiting:
            table.caption = f"waiting for {escape(waiting)}: type `farm worker` there"
        return table
