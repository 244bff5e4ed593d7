"""The frontier: which is the largest batch that fits, found by doubling and bisection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.spec import MAX_BATCH_SIZE

# Small enough that the first try, of which nothing can be foreseen, harms no machine; large enough
# that few more doublings lead from it to the frontier.
START = 8
RESOLUTION = 16  # the answer is exact to a sixteenth
STEP_DOWN = 8  # an eighth less, when the measurement does not fit where its try did


@dataclass
class Search:
    """Which size to try next, from what the tries so far have shown.

    It doubles `START` until a size does not fit or `cap` does, or halves it until one fits; then it
    bisects until the largest that fits and the smallest that does not lie within a sixteenth of
    each other: high - low ≤ max(1, low // 16). For a frontier f ≥ START that is at most
    log2(f / START) + 2 tries, and 5 of bisection.
    """

    cap: int = MAX_BATCH_SIZE
    low: int = 0  # the largest that has fitted; 0: none yet
    high: int | None = None  # the smallest that has not

    @property
    def next(self) -> int | None:
        """The size to try next; None: there is nothing left to find."""
        if self.high is None:
            if self.low >= self.cap:
                return None
            return min(2 * self.low or START, self.cap)
        if self.high - self.low <= max(1, self.low // RESOLUTION):
            return None
        return (self.low + self.high) // 2

    def record(self, size: int, *, fits: bool) -> None:
        """Take note of whether a size fitted, or would."""
        if fits:
            self.low = max(self.low, size)
        else:
            self.high = size if self.high is None else min(self.high, size)


def step_down(size: int) -> int | None:
    """Return the next smaller size, by an eighth; None below a batch of one."""
    return size - max(1, size // STEP_DOWN) or None


def expected_bytes(size: int, peaks: Sequence[tuple[int, int]], base_bytes: int) -> float | None:
    """Return the peak of host memory that a batch of `size` will have, from the peaks seen.

    `peaks` are (batch size, bytes) of batches that fitted. A step's activations grow with the
    batch, its weights do not: so the peaks of the two largest lie on the line. With one, it begins
    at `base_bytes`, which a child holds before it does anything. None without any.
    """
    known = dict(peaks)  # of a size tried twice, the last
    if not known:
        return None
    *smaller, (near, near_bytes) = sorted(known.items())
    far, far_bytes = smaller[-1] if smaller else (0, min(base_bytes, near_bytes))
    slope = max(0.0, (near_bytes - far_bytes) / (near - far))
    return near_bytes + slope * (size - near)
