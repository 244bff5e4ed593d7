"""Chaos: inject faults into a farm at work, and count that nothing is lost or counted twice.

    python -m tests.chaos [--jobs N] [--seed N] [--seconds-between S] [--workers N] [--faults A,B]

Prints a table; exit code 1 when a job was lost or counted twice, or anything else is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import campaign
from tests.chaos.campaign import Plan
from tests.chaos.faults import FAULTS
from tests.chaos.table import lines


def main(argv: list[str]) -> int:
    """Run as a program."""
    options = _parser().parse_args(argv)
    chosen = tuple(options.faults.split(",")) if options.faults else tuple(FAULTS)
    if unknown := [name for name in chosen if name not in FAULTS]:
        print(f"no such fault: {', '.join(unknown)}; there is: {', '.join(FAULTS)}")
        return 2
    plan = Plan(
        jobs=options.jobs,
        seed=options.seed,
        seconds_between=options.seconds_between,
        workers=options.workers,
        faults=chosen,
    )
    with tempfile.TemporaryDirectory(prefix="farm-chaos-", ignore_cleanup_errors=True) as folder:
        kept = Path(options.keep) if options.keep else Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        outcome = campaign.run(plan, kept.resolve(), print_now if options.verbose else say_nothing)
    print("\n".join(lines(outcome)))
    return 0 if outcome.clean else 1


def print_now(words: str) -> None:
    """Print to standard error at once."""
    print(words, file=sys.stderr, flush=True)


def say_nothing(words: str) -> None:
    """Print nothing."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--jobs", type=int, default=Plan.jobs, help="at least so many")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument(
        "--seconds-between",
        type=float,
        default=Plan.seconds_between,
        help="from the end of a fault to the next, on average",
    )
    parser.add_argument("--workers", type=int, default=Plan.workers)
    parser.add_argument("--faults", help=f"some of: {','.join(FAULTS)} (default: all)")
    parser.add_argument("--keep", metavar="FOLDER", help="leave all logs and files in this folder")
    parser.add_argument("--verbose", "-v", action="store_true", help="say what is done, as it is")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
