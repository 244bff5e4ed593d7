"""Text: token sequences from a Markov chain of order two, whose entropy is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from jobs.dataset import Dataset, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How likely the four successors of a token are: the likeliest is the best guess.
ODDS = (0.65, 0.20, 0.10, 0.05)
SUCCESSORS = len(ODDS)
ENTROPY = -sum(each * math.log(each) for each in ODDS)  # nats a token
# To who sees the last token alone, the four that may follow are equally likely.
ENTROPY_OF_PAIRS = math.log(SUCCESSORS)


def entropy(context: int) -> float:
    """Return the nats a token below which no model's loss is, on average over a sequence.

    The first prediction of a sequence is made from one token, all others from two at least.
    """
    return ENTROPY + (ENTROPY_OF_PAIRS - ENTROPY) / context


def text(
    *, vocabulary: int, context: int, train: int, validation: int, test: int, seed: int
) -> Dataset:
    """Return sequences of `context` tokens, and as targets the same one token on.

    Inputs and targets are int32, (n, context), 0 to `vocabulary` - 1. Every part has sequences of
    its own, and all parts have one table of successors, which the seed makes.

    Each token has four successors, and which of them is the likely one, the token before it says.
    The chain starts in its stationary state, where all tokens, and all pairs that occur, are
    equally frequent. A token costs log(vocabulary) to who knows nothing, `ENTROPY_OF_PAIRS` to who
    knows the last token, and `ENTROPY` to who knows two. So a network learns in two steps: pairs,
    for which it needs no attention, then to attend to the token before.

    numpy's legacy generator, because its stream is frozen: the same seed gives the same bytes
    with every version of numpy, so on every machine.

    Raises ValueError for a vocabulary that is no multiple of `SUCCESSORS`, or less than twice it.
    """
    if vocabulary % SUCCESSORS or vocabulary < 2 * SUCCESSORS:
        raise ValueError(f"a vocabulary of {vocabulary} tokens is not a multiple of {SUCCESSORS}")
    random = np.random.RandomState(seed)
    # Successors are a permutation's neighbours at four distances. These differ modulo four, so the
    # four predecessors of a token do too, and each of them makes another successor the likely one:
    # that is what makes the frequencies equal.
    permuted = random.permutation(vocabulary)
    place = np.argsort(permuted)
    blocks = random.randint(0, vocabulary // SUCCESSORS, size=SUCCESSORS)
    distances = SUCCESSORS * blocks + np.arange(SUCCESSORS)

    def successor(tokens: NDArray[np.int32], which: NDArray[np.integer]) -> NDArray[np.integer]:
        return np.asarray(permuted[(place[tokens] + distances[which]) % vocabulary])

    def part(count: int) -> Part:
        tokens = np.empty((count, context + 1), np.int32)
        tokens[:, 0] = random.randint(0, vocabulary, size=count)
        tokens[:, 1] = successor(tokens[:, 0], random.randint(0, SUCCESSORS, size=count))
        drawn = np.searchsorted(np.cumsum(ODDS)[:-1], random.random_sample((count, context - 1)))
        for at in range(2, context + 1):
            which = (drawn[:, at - 2] + place[tokens[:, at - 2]]) % SUCCESSORS
            tokens[:, at] = successor(tokens[:, at - 1], which)
        return Part(inputs=tokens[:, :-1].copy(), targets=tokens[:, 1:].copy())

    return Dataset(
        train=part(train),
        validation=part(validation) if validation else None,
        test=part(test),
        verified=None,
    )
