"""The TensorFlow pipeline: every sample once a pass, each pass in its own order, no autotuner."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import numpy as np
from jobs.dataset import Part
from jobs.keras.tf_pipeline import batches

images = np.arange(10, dtype=np.float32).reshape(10, 1)
part = Part(inputs=images, targets=np.arange(10, dtype=np.int32))

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

ENDLESS = """
import itertools
import numpy as np
from jobs.dataset import Part
from jobs.keras.tf_pipeline import batches, indices

def labels_of(count, batch_size, taken):
    images = np.arange(count, dtype=np.float32).reshape(count, 1)
    part = Part(inputs=images, targets=np.arange(count, dtype=np.int32))
    dataset = batches(part, batch_size, shuffle_seed=1, endless=True)
    assert dataset.options().autotune.enabled is False
    found = list(itertools.islice(dataset.as_numpy_iterator(), taken))
    assert all((x[:, 0] == y).all() for x, y in found)
    return [labels.tolist() for _, labels in found]

found = labels_of(10, 4, 6)  # three passes of two batches, what does not fill one dropped
assert {len(labels) for labels in found} == {4}
passes = [found[i] + found[i + 1] for i in (0, 2, 4)]
assert all(len(set(labels)) == 8 for labels in passes)
assert passes[0] != passes[1] != passes[2]
assert found == labels_of(10, 4, 6)

wide, other = labels_of(3, 8, 2)  # a batch larger than the data repeats it
assert sorted(wide) == sorted(other) == [0, 0, 0, 1, 1, 1, 2, 2]
assert wide != other

numbers = indices(3)
assert numbers.options().autotune.enabled is False
assert list(itertools.islice(numbers.as_numpy_iterator(), 7)) == [0, 1, 2, 0, 1, 2, 0]
print("ok")
"""

STAGED = """
import keras
import numpy as np
from jobs.dataset import Part
from jobs.keras.tf_pipeline import batches, indices, stage

class Seen(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.abs(y_pred[:, 0] - keras.ops.cast(y_true, "float32"))

# The picture is its own label, and the network hands it on: the loss is 0 if, and only if, images
# and labels of a batch belong together.
part = Part(inputs=np.arange(6, dtype=np.float32).reshape(6, 1), targets=np.arange(6))
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "linear", False, "ones")])
model.compile(optimizer=keras.optimizers.SGD(0.0), loss=Seen(), metrics=["mae"])
stage(part, np.array([[0, 2, 4], [1, 3, 5]]))(model)
history = model.fit(indices(2), steps_per_epoch=5, epochs=2, shuffle=False, verbose=0).history
losses = history["loss"]
assert losses == [0.0, 0.0], losses
assert model.evaluate(batches(part, 4), verbose=0)[0] == 0.0  # which takes the batches themselves
print("ok")
"""


def run(code: str) -> None:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr


def test_passes_are_complete_shuffled_anew_and_the_same_by_seed() -> None:
    run(CODE)


def test_endless_batches_are_full_and_each_pass_has_its_own_order() -> None:
    run(ENDLESS)


def test_staged_images_and_labels_belong_together() -> None:
    run(STAGED)


STREAMED = """
import numpy as np
import tensorflow as tf
from jobs.dataset import Stream
from jobs.keras.staging import batches

def one_pass(batch_size, seed):
    numbers = tf.data.Dataset.range(5)
    if seed is not None:
        numbers = numbers.shuffle(5, seed=seed)
    return numbers.map(lambda n: (tf.cast([n], tf.float32), n)).batch(batch_size)

stream = Stream(count=5, batches=one_pass, sample_bytes=12)

def labels_of(batch_size, taken):
    found = batches(stream, batch_size, "host", seed=1).arguments()["x"].take(taken)
    return [labels.tolist() for _, labels in found.as_numpy_iterator()]

few = labels_of(2, 4)  # two passes of two batches; the fifth sample fills none
assert [len(labels) for labels in few] == [2, 2, 2, 2]
assert len(set(few[0] + few[1])) == 4
wide = labels_of(8, 2)  # a batch larger than the data repeats it, instead of waiting for ever
assert [len(labels) for labels in wide] == [8, 8]
assert all(set(labels) == {0, 1, 2, 3, 4} for labels in wide)

staged = batches(stream, 8, "staged", seed=1)
assert staged.staged == 1
print("ok")
"""


def test_a_stream_fills_every_batch_one_larger_than_itself_too() -> None:
    run(STREAMED)
