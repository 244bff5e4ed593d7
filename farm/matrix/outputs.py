"""Outputs: whether two machines compute the same of the same weights and input. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from farm.matrix.cell import MatrixCell
from farm.readings.reading import Reading
from jobs.keras.initial_weights import SAME
from jobs.spec import Scalar

# How far the mean and the spread of a batch's outputs may lie from the baseline's, as parts of the
# baseline's spread.
TOLERANCE: Final = 0.01
TOLERANCE_OF_HALVES: Final = 0.05
# The unit roundoff of halves: in these the outputs themselves are written.
_ROUNDOFF: Final[Mapping[str, float]] = {
    "mixed_float16": 2.0**-11,
    "mixed_bfloat16": 2.0**-9,
}


def deviate(cell: MatrixCell, base: MatrixCell) -> str | None:
    """Return how the outputs of inference are not the baseline's, one sentence, or None.

    Repeats are compared that have the same seed, hence the same weights and the same input, where
    both machines recorded that the weights are the same on every backend, and the data is generated
    or verified as the published files. One repeat that deviates is enough. Of training, of unlike
    batches, and of what was not recorded nothing is said; the caller sees to it that the work is
    the same otherwise.

    Mean and standard deviation are over all outputs of one batch; the mean takes each of a sample's
    outputs with a sign of its own, or that of a softmax would always be the same.

    Rounding moves a product of factors of unit roundoff u by about u relative to the outputs'
    spread, and L layers by about √L of that, where errors are independent (N. J. Higham, T. Mary,
    'A new approach to probabilistic rounding error analysis', SIAM J. Sci. Comput. 41, 2019). With
    L = 50 that is 4e-7 for float32 (u = 2⁻²⁴), 0.3 % for TF32 and float16 (2⁻¹¹), 1.4 % for
    bfloat16 (2⁻⁹), of a single output; a mean over a batch moves less. Tolerated are 1 %, and for
    halves 5 % and u times the mean, in whose size the outputs are rounded: three times the worst.
    Measured on the CPU between TensorFlow, PyTorch and JAX, six networks, ResNet50 and a
    transformer among them: 8e-7 at most in float32, 0.06 % in float16, 1.1 % in bfloat16. A layer
    that is left out, another activation, or weights of another draw move them by tens of per cent.
    """
    if cell.cell is None or cell.cell.mode != "infer":
        return None
    if not _same_start(cell) or not _same_start(base):
        return None
    roundoff = _ROUNDOFF.get(cell.cell.precision or "", 0.0)
    part = TOLERANCE_OF_HALVES if roundoff else TOLERANCE
    reasons = [
        reason
        for here, there in _pairs(cell, base)
        if not there.invalid and (reason := _apart(here, there, part, roundoff))
    ]
    if not reasons:
        return None
    if len(cell.readings) == 1:
        return reasons[0]
    return f"{len(reasons)} of {len(cell.readings)} repeats: {reasons[0]}"


def _same_start(cell: MatrixCell) -> bool:
    return bool(cell.conditions) and all(map(_is_known, cell.conditions))


def _is_known(conditions: Mapping[str, Scalar | None]) -> bool:
    if conditions.get("initial_weights") != SAME:
        return False
    return conditions.get("data") != "real" or conditions.get("data_verified") is True


def _pairs(cell: MatrixCell, base: MatrixCell) -> Iterator[tuple[Reading, Reading]]:
    """Yield the readings of equal seeds, whatever runs they are of."""
    known = {
        (each.seed, repeat): each
        for each, repeat in zip(base.readings, base.repeated, strict=False)
    }
    for each, repeat in zip(cell.readings, cell.repeated, strict=False):
        if each.seed is not None and (there := known.get((each.seed, repeat))):
            yield each, there


def _apart(here: Reading, there: Reading, part: float, roundoff: float) -> str | None:
    numbers = (here.output_mean, here.output_spread, there.output_mean, there.output_spread)
    if any(number is None or not math.isfinite(number) for number in numbers):
        return None  # `correctness.invalid` has those that are not finite
    mean, spread, expected_mean, expected_spread = (number or 0.0 for number in numbers)
    if expected_spread <= 0:
        return None
    apart = max(abs(mean - expected_mean), abs(spread - expected_spread)) / expected_spread
    part += roundoff * abs(expected_mean) / expected_spread
    if apart <= part:
        return None
    return (
        f"its outputs are not the baseline's: of the same weights and input their mean is "
        f"{mean:.4g} and their spread {spread:.4g}, the baseline's {expected_mean:.4g} and "
        f"{expected_spread:.4g}; {apart:.2g} of the spread apart, {part:.2g} is tolerated"
    )
