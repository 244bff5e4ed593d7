"""Correctness: whether a device learnt what it was so fast at. Pure.

Speed counts only if the device learnt: a measurement is judged by itself (`invalid`), and a cell by
the losses of the baseline's (`deviates`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from jobs.result import Measurement

# Of a mean over outputs of order 1; float32 keeps 7 digits.
LEAST_OUTPUT_SPREAD = 1e-6

# A loss has risen when the last third of its values lies above the first by so much, …
CLEAR_RISE = 0.5  # … relative to the first value,
TREND_RISE = 0.15  # … or by this much where the values also have an upward trend:
TREND_Z = 2.33  # Mann and Kendall's z, which 1 % of series without a trend exceed;
TREND_LEAST_VALUES = 6  # fewer cannot, so they have to rise from each to the next,
SHORT_RISE = 0.25  # and by this much.

LEAST_RISE = 0.02  # in the loss's own units: less is noise about a loss that is near its end

# Losses below this part of the first are all alike: who gets there has learnt.
NEGLIGIBLE_LOSS = 0.01
LEAST_EXCESS = 1.1  # of a machine's loss over the baseline's; less is never called a deviation
# Student's t that 0.25 % of draws exceed, by degrees of freedom from 1.
_T = (
    *(127.32, 14.089, 7.4533, 5.5976, 4.7733, 4.3168, 4.0293, 3.8325, 3.6897, 3.5814),
    *(3.4966, 3.4284, 3.3725, 3.3257, 3.2860, 3.2520, 3.2224, 3.1966, 3.1737, 3.1534),
)
_T_BEYOND = 3.1352  # at 21; it falls to 2.807 with ever more, so this errs towards silence


def invalid(measurement: Measurement) -> str | None:
    """Return why the speed of this measurement does not count, one sentence, or None.

    It does not when a training loss or a value of the final test is not finite, when the loss rose
    or never moved, when the network answers the same to every sample, or when a floor that the
    workload demands is missed. What was not recorded is no reason, but a floor's value is.

    Risen means, from three values on, that every value of the last third exceeds the first by half
    of it; or by 15 % with an upward trend (H. B. Mann, 'Nonparametric tests against trend',
    Econometrica 13, 1945; one-sided, 1 %). Up to five values have to rise from each to the next,
    and by 25 %. Flagged in error, of 10,000 simulated losses that stay where they are with a noise
    of 5 % (and 10 %) in each value: 0.02 % (4 %) of 3 values, 0.02 % (0.4 %) at most of 4 to 30;
    of 138 runs of the MLP, 10 values or fewer and as few as 2 steps of 8 images to a value: one,
    cut off after 3 values. None of the 48 that trained for whole epochs.
    """
    return (
        _not_finite(measurement)
        or _not_falling(trajectory(measurement))
        or _constant_output(measurement.output_spread)
        or _below_floor(measurement)
    )


def trajectory(measurement: Measurement) -> tuple[float, ...]:
    """Return the training losses, in the order of training; none where none were recorded."""
    return measurement.history.get("loss", ())


def deviates(here: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]]) -> str | None:
    """Return how a cell learnt less than its baseline, one sentence, or None.

    Each sequence is the training losses of one repeat, recorded after the same numbers of steps;
    of unequal lengths the common beginning counts. Repeats differ in seed, so the baseline's own
    tell how far a loss may lie by chance; with fewer than two of them there is no telling.

    A repeat counts as the logarithm of its mean loss over the later half of its values. The means
    of `here` and of the baseline are compared by Student's t, twice: with the spread within both,
    and with the baseline's alone, which one repeat that did not learn cannot inflate. Either at
    0.25 %, one-sided, so a lower loss never deviates. Two things keep small numbers quiet: 1 % of
    the baseline's first loss is added to every loss before the logarithm, and an excess below 10 %
    is none. Losses that are not finite are left out (`invalid` has them), and negative ones, which
    have no logarithm, are not compared.

    Measured at 3 repeats on each side. Of cells compared with their like, flagged: none of 8,000
    drawn from runs of the MLP on 2,048 and 4,096 synthetic images (seeds spread by 4 % and 1 %),
    0.7 % of 4,000 from runs on 512 images (30 %); of 8,000 simulated lognormal ones 0.1 % at a
    spread of 5 % and 0.4 to 0.6 % at 10 to 80 %. Of cells whose loss falls half as far, flagged:
    all of the MLP's; of simulated ones that fall to a seventh, all at a spread of 10 %, 90 % at
    20 %, 46 % at 40 %. Of cells in which one repeat of three learns nothing: all of the MLP's but
    those on 512 images (6 %), which only a floor catches.
    """
    ours = [values for values in here if _comparable(values)]
    theirs = [values for values in baseline if _comparable(values)]
    if not ours or len(theirs) < 2:
        return None
    length = min(map(len, (*ours, *theirs)))
    negligible = NEGLIGIBLE_LOSS * statistics.median(values[0] for values in theirs)
    mine, reference = _scores(ours, length, negligible), _scores(theirs, length, negligible)
    if mine is None or reference is None:
        return None
    mean, expected = sum(mine) / len(mine), sum(reference) / len(reference)
    scatter = math.sqrt(1 / len(mine) + 1 / len(reference))
    within = sum((score - expected) ** 2 for score in reference)
    pooled = within + sum((score - mean) ** 2 for score in mine)
    tolerance = min(
        _t(freedom) * math.sqrt(squares / freedom) * scatter
        for squares, freedom in (
            (within, len(reference) - 1),
            (pooled, len(reference) + len(mine) - 2),
        )
    )
    tolerance = max(tolerance, math.log(LEAST_EXCESS))
    if mean - expected <= tolerance:
        return None
    loss, least, most = (
        max(0.0, math.exp(score) - negligible) for score in (mean, expected, expected + tolerance)
    )
    return (
        f"it learnt less than the baseline: its later training loss is {loss:.3g}, the baseline's "
        f"{least:.3g}, and up to {most:.3g} is within the spread of the repeats"
    )


def _not_finite(measurement: Measurement) -> str | None:
    losses = trajectory(measurement)
    for index, value in enumerate(losses):
        if not math.isfinite(value):
            became = f"its loss became {_odd(value)}"
            if index == 0:
                return f"{became} before it was first recorded"
            if measurement.steps_per_history:
                return f"{became} after {index * measurement.steps_per_history:,} steps"
            return f"{became} after {index} of {len(losses)} recorded values"
    for name, value in measurement.test.items():
        if not math.isfinite(value):
            return f"its {_words(name)} in the final test is {_odd(value)}"
    return None


def _not_falling(losses: Sequence[float]) -> str | None:
    if len(losses) < 3:
        return None
    first, last = losses[0], losses[-1]
    if min(losses) == max(losses):
        return f"its loss did not change in training: it stayed at {first:.3g}"
    lowest = min(losses[-math.ceil(len(losses) / 3) :]) - first
    if lowest < LEAST_RISE:
        return None
    enough = SHORT_RISE if len(losses) < TREND_LEAST_VALUES else TREND_RISE
    clear = lowest > CLEAR_RISE * abs(first)
    if clear or (lowest > enough * abs(first) and _rises(losses)):
        return f"its loss rose in training, from {first:.3g} to {last:.3g}"
    return None


def _rises(values: Sequence[float]) -> bool:
    """Return whether there is an upward trend, by Mann and Kendall's test where it can tell."""
    count = len(values)
    if count < TREND_LEAST_VALUES:
        return all(later > earlier for earlier, later in pairwise(values))
    balance = sum(
        (later > earlier) - (later < earlier)
        for index, earlier in enumerate(values)
        for later in values[index + 1 :]
    )
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return (balance - 1) / spread > TREND_Z


def _constant_output(spread: float | None) -> str | None:
    if spread is None or spread >= LEAST_OUTPUT_SPREAD:
        return None if spread is None or math.isfinite(spread) else "its network answers infinity"
    if math.isnan(spread):
        return "its network answers NaN"
    return "its network answers the same to every sample"


def _below_floor(measurement: Measurement) -> str | None:
    if measurement.floors_waived is not None:
        return None
    missed = []
    for name, least in measurement.floors.items():
        reached = _reached(measurement, name)
        if reached is None:
            demanded = _fixed(least, _digits(least))
            missed.append(f"{_words(name)} is not known, at least {demanded} is demanded")
        elif not reached >= least:
            digits = _digits(reached, least)
            demanded = f"at least {_fixed(least, digits)} is demanded"
            missed.append(f"{_words(name)} {_fixed(reached, digits)}, {demanded}")
    if not missed:
        return None
    learns = measurement.item in (None, "samples", "tokens")
    what = "it did not learn" if learns else "its result falls short"
    return f"{what}: {'; '.join(missed)}"


def _reached(measurement: Measurement, name: str) -> float | None:
    if name != "loss_drop":
        return measurement.test.get(name)
    losses = trajectory(measurement)
    if len(losses) < 2 or losses[0] <= 0:
        return None
    return 1 - losses[-1] / losses[0]


def _digits(*values: float) -> int:
    """Return how many decimals it takes to tell these apart; none for counts."""
    if all(value.is_integer() and value > 1 for value in map(float, values)):
        return 0
    return next((n for n in range(2, 9) if len({_fixed(v, n) for v in values}) == len(values)), 9)


def _fixed(value: float, digits: int) -> str:
    """Write a number with so many decimals; what rounds to nothing has no sign."""
    text = f"{value:.{digits}f}"
    return text if float(text) else text.lstrip("-")


def _comparable(losses: Sequence[float]) -> bool:
    return bool(losses) and math.isfinite(sum(losses))  # NaN and infinity stay in a sum


def _scores(
    repeats: Sequence[Sequence[float]], length: int, negligible: float
) -> list[float] | None:
    later = length - length // 2
    means = [sum(losses[length // 2 : length]) / later for losses in repeats]
    if negligible <= 0 or min(means) < 0:
        return None
    return [math.log(mean + negligible) for mean in means]


def _t(freedom: int) -> float:
    return _T[freedom - 1] if freedom <= len(_T) else _T_BEYOND


def _odd(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _words(name: str) -> str:
    return name.replace("_", " ")
