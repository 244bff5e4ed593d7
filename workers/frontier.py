"""The frontier: which is the largest batch that fits, found by doubling and bisection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.spec import MAX_BATCH_SIZE

# Small enough that the first try, of which nothing can be foreseen, harms no machine; large enough
# that few more doublings lead from it to the frontier.
START = 8
RESOLUTION = 16  # the answer is exact to a sixteenth
PROBE_SHARE = 4  # of the one size that is known: far enough from it to show what grows
STEP_DOWN = 8  # an eighth less, when the measurement does not fit where its try did


@dataclass
class Search:
    """Which size to try next, from what the tries so far have shown.

    It doubles `START` until a size does not fit or `cap` does, or halves it until one fits; then it
    bisects until the largest that fits and the smallest that does not lie within a sixteenth of
    each other: high - low ≤ max(1, low // 16). For a frontier f ≥ START that is at most
    log2(f / START) + 2 tries, and 5 of bisection.

    `ceiling` is no finding but a forecast, which later tries correct: it may be set anew before
    each. Nothing above it is tried, and the search ends within a sixteenth of it.
    """

    cap: int = MAX_BATCH_SIZE
    low: int = 0  # the largest that has fitted; 0: none yet
    high: int | None = None  # the smallest that has not
    ceiling: int | None = None  # the largest that is expected to fit; None: nothing is foreseen

    @property
    def next(self) -> int | None:
        """The size to try next; None: there is nothing left to find."""
        if self.low >= self.cap:
            return None
        above = [] if self.high is None else [self.high]
        if self.ceiling is not None:
            above.append(self.ceiling + 1)
        if above and min(above) - self.low <= max(1, self.low // RESOLUTION):
            return None
        size = 2 * self.low or START if self.high is None else (self.low + self.high) // 2
        return min(size, self.cap, *(each - 1 for each in above))

    @property
    def foreseen(self) -> bool:
        """Whether it is the forecast that rules out larger sizes, and no try has."""
        if self.low >= self.cap or self.ceiling is None:
            return False
        return self.high is None or self.ceiling + 1 < self.high

    def record(self, size: int, *, fits: bool) -> None:
        """Take note of whether a size fitted."""
        if fits:
            self.low = max(self.low, size)
        else:
            self.high = size if self.high is None else min(self.high, size)

    def limit(self, samples: int) -> None:
        """Take note that there are so many samples; what a larger batch showed, they show too."""
        self.cap = min(self.cap, samples)
        self.low = min(self.low, self.cap)


def step_down(size: int) -> int | None:
    """Return the next smaller size, by an eighth; None below a batch of one."""
    return size - max(1, size // STEP_DOWN) or None


def ceiling(peaks: Sequence[tuple[int, int]], spare_bytes: int) -> int | None:
    """Return the largest batch whose peak of host memory is expected to be at most `spare_bytes`.

    `peaks` are (batch size, bytes) of batches that fitted. What a child takes once (weights, the
    backend's arenas) is the same at every size and activations grow with it, so peaks lie on a
    line. It is drawn through the largest size and the largest that is at most half of it, or else
    the smallest: what was taken once cancels out, noise is never stretched by much more than the
    search strides, and where growth begins late, the sizes before it do not hide it. A line that
    falls is noise: it counts as level.

    None where nothing limits the size: the line is level, or there is only one size yet, of which
    nobody can tell what grows. But what does not grow has to fit, too: where the largest alone
    takes more than can be spared, nothing above it is expected to fit.
    """
    known = dict(peaks)  # of a size tried twice, the last
    if not known:
        return None
    *smaller, near = sorted(known)
    over = spare_bytes - known[near]
    far = max((size for size in smaller if 2 * size <= near), default=min(known))
    growth = known[near] - known[far]
    if growth <= 0:
        return near if over < 0 else None
    return near + over * (near - far) // growth


def probe(
    size: int, peaks: Sequence[tuple[int, int]], base_bytes: int, spare_bytes: int
) -> int | None:
    """Return the smaller size that has to be tried before `size` is, to see what grows; or None.

    It is needed where one size is known and `size` might take more than `spare_bytes`: it would, if
    all but `base_bytes`, which a child holds before it does anything, grew with the batch.
    """
    known = dict(peaks)
    if len(known) != 1:
        return None
    ((near, near_bytes),) = known.items()
    grown = max(0, near_bytes - base_bytes)
    if near == 1 or near_bytes * near + grown * (size - near) <= spare_bytes * near:
        return None
    return max(1, near // PROBE_SHARE)
