"""The batches of a pass: which samples, in which shape."""

from __future__ import annotations

import numpy as np

from jobs.keras.staging import rows_of_batches


def test_a_pass_drops_what_does_not_fill_a_batch() -> None:
    assert rows_of_batches(np.arange(10), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert rows_of_batches(np.arange(4), 4).tolist() == [[0, 1, 2, 3]]


def test_a_batch_larger_than_the_data_repeats_it() -> None:
    assert rows_of_batches(np.array([2, 0, 1]), 7).tolist() == [[2, 0, 1, 2, 0, 1, 2]]
