"""How many inputs each test tries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, currently_in_test_context, event, settings

ASKED = int(os.environ.get("FARM_FUZZ_EXAMPLES", "0"))
SLOWEST_SECONDS = 20.0  # of one input, on a machine that does other things besides


def fuzzing(examples: int) -> settings:
    """Return how a test tries: so many inputs, or as many as are asked for."""
    return settings(
        max_examples=ASKED or examples,
        deadline=None,
        derandomize=not ASKED,
        # To shrink an example takes longer than to read it.
        phases=[Phase.explicit, Phase.generate],
        database=None,
        print_blob=True,
        suppress_health_check=[*HealthCheck],
    )


@contextmanager
def in_time() -> Iterator[None]:
    """Fail when what is done takes so much of the processor that somebody would give up on it."""
    started = time.process_time()
    yield
    took = time.process_time() - started
    assert took < SLOWEST_SECONDS, f"one input took {took:.1f} s"


def note(what: str) -> None:
    """Count what became of an input; pytest --hypothesis-show-statistics prints it."""
    if currently_in_test_context():
        event(what)
