"""Generated text: the same everywhere, and exactly as predictable as it says."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from jobs.dataset import Dataset, Part
from jobs.datasets.text import ENTROPY, ENTROPY_OF_PAIRS, SUCCESSORS, entropy, text
from jobs.workloads.transformer_lm import TransformerLm, TransformerParameters


def made(*, train: int = 400, vocabulary: int = 16, context: int = 64, seed: int = 42) -> Dataset:
    return text(
        vocabulary=vocabulary, context=context, train=train, validation=0, test=50, seed=seed
    )


def part(dataset: Dataset) -> Part:
    assert isinstance(dataset.train, Part)
    return dataset.train


def sequences(of: Part) -> Any:
    return np.concatenate([of.inputs, of.targets[:, -1:]], axis=1)


def uncertainty(tokens: Any, known: int) -> float:
    """Return the nats a token, estimated by counting, for who knows so many tokens before it."""
    runs = [tuple(row[at - known : at + 1]) for row in tokens for at in range(known, len(row))]
    seen, before = Counter(runs), Counter(run[:-1] for run in runs)
    return -sum(n * math.log(n / before[run[:-1]]) for run, n in seen.items()) / len(runs)


def test_targets_are_the_tokens_one_further_on() -> None:
    train = part(made())
    assert train.inputs.dtype == train.targets.dtype == np.int32
    assert train.inputs.shape == train.targets.shape == (400, 64)
    assert np.array_equal(train.inputs[:, 1:], train.targets[:, :-1])
    assert (train.inputs.min(), train.inputs.max()) == (0, 15)


def test_a_seed_makes_the_same_bytes_everywhere_and_another_seed_others() -> None:
    digest = hashlib.sha256(part(made(train=8)).inputs.tobytes()).hexdigest()
    assert digest.startswith("6134f4042b5f22b0")
    assert not np.array_equal(part(made(train=8)).inputs, part(made(train=8, seed=1)).inputs)


def test_a_token_is_as_uncertain_as_the_entropies_say() -> None:
    # 25,600 tokens: counting errs by about a hundredth of a nat.
    tokens = sequences(part(made()))
    assert uncertainty(tokens, 0) == pytest.approx(math.log(16), abs=0.01)
    assert uncertainty(tokens, 1) == pytest.approx(ENTROPY_OF_PAIRS, abs=0.01)
    assert uncertainty(tokens, 2) == pytest.approx(ENTROPY, abs=0.02)
    assert ENTROPY < entropy(64) < entropy(2) < ENTROPY_OF_PAIRS


def test_all_parts_have_one_table_of_successors_and_sequences_of_their_own() -> None:
    dataset = made()
    assert isinstance(dataset.test, Part)
    learnt: dict[int, set[int]] = {}
    for tokens in sequences(part(dataset)):
        for token, following in pairwise(tokens):
            learnt.setdefault(int(token), set()).add(int(following))
    assert {len(following) for following in learnt.values()} == {SUCCESSORS}
    tested = sequences(dataset.test)
    assert all(b in learnt[a] for row in tested for a, b in pairwise(row))
    assert not np.array_equal(dataset.test.inputs, part(dataset).inputs[:50])
    assert dataset.validation is None


def test_a_vocabulary_without_four_successors_each_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        made(vocabulary=18)
    with pytest.raises(ValidationError, match="multiple of 4"):
        TransformerParameters(vocabulary=258)


def test_a_width_that_the_heads_do_not_share_is_refused() -> None:
    with pytest.raises(ValidationError, match="384 cannot be split into 7 heads"):
        TransformerParameters(heads=7)
    assert TransformerParameters(**dict(TransformerLm.smallest)).width == 64
