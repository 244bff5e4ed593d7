"""The TensorFlow pipeline: every sample once a pass, each pass in its own order, no autotuner."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import numpy as np
from jobs.data import Part
from jobs.tf_pipeline import batches

images = np.arange(10, dtype=np.float32).reshape(10, 1)
part = Part(images=images, labels=np.arange(10, dtype=np.int32))

def passes(seed):
    dataset = batches(part, 4, shuffle_seed=seed)
    assert dataset.options().autotune.enabled is False
    assert dataset.cardinality() == 3
    for _ in range(2):
        taken = list(dataset.as_numpy_iterator())
        assert [len(labels) for _, labels in taken] == [4, 4, 2]
        assert all((x[:, 0] == y).all() for x, y in taken)
        yield np.concatenate([labels for _, labels in taken]).tolist()

first, second = passes(1)
assert sorted(first) == sorted(second) == list(range(10))
assert first != second
assert (first, second) == tuple(passes(1))
assert first != next(passes(2))
assert next(passes(None)) == list(range(10))
print("ok")
"""


def test_passes_are_complete_shuffled_anew_and_the_same_by_seed() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr
