"""Table: what a campaign came to, in text."""

from __future__ import annotations

from tabulate import tabulate

from tests.chaos import tally
from tests.chaos.campaign import Outcome
from tests.chaos.faults import FAULTS
from tests.chaos.injection import longest
from tests.live_farm import VISIBILITY_SECONDS

HEADINGS = ("fault", "injected", "jobs", "results", "duplicates", "lost", "recovery")


def lines(outcome: Outcome) -> list[str]:
    """Return the table, one row a fault, what it means, and whatever is wrong.

    The jobs of a row are those that had not ended when it was injected.
    """
    rows = []
    for name in (name for name in FAULTS if name in outcome.plan.faults):
        injected = [each for each in outcome.injections if each.fault == name]
        jobs = frozenset().union(*(each.open_jobs for each in injected))
        rows.append(_row(outcome, FAULTS[name].words, len(injected), jobs))
    rows.append(_row(outcome, "all", len(outcome.injections), frozenset(outcome.books.jobs)))
    total, plan = outcome.total, outcome.plan
    return [
        f"{total.jobs} jobs in {outcome.runs} runs, {plan.workers} workers of "
        f"{len(set(plan.hardware.values()))} names, visibility timeout {VISIBILITY_SECONDS} s, "
        f"seed {plan.seed}, {outcome.seconds:.0f} s.",
        "",
        *tabulate(rows, headers=HEADINGS, disable_numparse=True, colalign=_ALIGNED).splitlines(),
        "",
        *_failures(outcome),
        *(f"WRONG: {complaint}" for complaint in outcome.complaints),
        f"{total.lost} lost, {total.duplicates} counted twice"
        + ("." if outcome.clean else ": this is not as promised."),
    ]


_ALIGNED = ("left", *["right"] * 6)


def _row(outcome: Outcome, words: str, injected: int, jobs: frozenset[str]) -> tuple[str, ...]:
    counted = tally.count(outcome.books, jobs)
    every = words == "all"
    mine = [each for each in outcome.injections if every or FAULTS[each.fault].words == words]
    seconds = longest(mine, outcome.books)
    shown = "-" if seconds is None else f"{seconds:.1f} s"
    numbers = (injected, counted.jobs, counted.results, counted.duplicates, counted.lost)
    return (words, *map(str, numbers), shown)


def _failures(outcome: Outcome) -> list[str]:
    return [
        f"{count} of them failed, which is a result: {why}"
        for why, count in tally.killed(outcome.books).most_common()
    ]
