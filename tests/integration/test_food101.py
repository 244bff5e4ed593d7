"""Food-101 from files in its real formats, and the networks that are made for it.

One process reads all: importing TensorFlow and its data sets takes most of the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os
from collections import Counter
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from jobs.networks import efficientnet
from jobs.networks.augmentation import augmentation
from jobs.datasets.food101 import food101
from jobs.errors import DataMissingError
from jobs.workloads.food101_efficientnetb0 import WORKLOAD
from tests.food101_archive import CLASSES, write_archive

root = Path(os.environ["TFDS_DATA_DIR"])


def passed(stream, batch_size, seed):
    dataset = stream.batches(batch_size, seed)
    assert dataset.options().autotune.enabled is False
    assert dataset.cardinality() == -(-len(stream) // batch_size)
    found = list(dataset.as_numpy_iterator())
    inputs, targets = (np.concatenate(parts) for parts in zip(*found))
    assert inputs.dtype == np.float32 and targets.dtype == np.int32
    assert inputs.shape == (len(stream), 224, 224, 3)
    return inputs, targets, [len(targets) for _, targets in found]


def check(dataset, train, classes):
    # The pictures are of one colour, ten times their label, so each tells what it is.
    inputs, targets, sizes = passed(dataset.train, 4, None)
    assert sizes == [4] * (train // 4) + [train % 4] * (train % 4 > 0)
    assert np.abs(inputs - 10 * targets[:, None, None, None] - 20).max() < 4  # not divided by 255
    assert set(targets) == set(classes)
    shuffled = passed(dataset.train, 4, 1)[1]
    assert sorted(shuffled) == sorted(targets)
    assert shuffled.tolist() == passed(dataset.train, 4, 1)[1].tolist()
    assert shuffled.tolist() != passed(dataset.train, 4, 2)[1].tolist()
    head = dataset.train.head(3)
    assert head.inputs.shape == (3, 224, 224, 3)
    assert dataset.validation is dataset.test
    assert dataset.verified is False


def picture(label):
    return np.full((96, 128, 3), 10 * label + 20, np.uint8)


# As TensorFlow Datasets prepares it: records, features.json, dataset_info.json.
features = tfds.features.FeaturesDict({
    "image": tfds.features.Image(encoding_format="jpeg"),
    "label": tfds.features.ClassLabel(num_classes=101),
})
rows = lambda count: [(i, {"image": picture(i % 5), "label": i % 5}) for i in range(count)]
tfds.dataset_builders.store_as_tfds_dataset(
    name="food101", version="2.0.0", features=features, data_dir=root,
    split_datasets={"train": rows(30), "validation": rows(10)},
)
check(food101("real", train=75_750, test=25_250, seed=1), 30, range(5))
some = food101("real", train=7, test=3, seed=1)
assert (len(some.train), len(some.test)) == (7, 3)
assert len(passed(some.train, 4, 1)[1]) == 7

# As the archive unpacks.
folder = write_archive(root, train=4, test=2)
for number, name in enumerate(CLASSES):
    for path in (folder / "images" / name).iterdir():
        path.write_bytes(tf.io.encode_jpeg(picture(number)).numpy())
unpacked = food101("real", train=75_750, test=25_250, seed=1, unpacked_first=True)
check(unpacked, 12, range(3))
tenth = food101("real", train=6, test=3, seed=1, unpacked_first=True)
assert Counter(passed(tenth.train, 4, None)[1].tolist()) == {0: 2, 1: 2, 2: 2}

# The network: 4,049,571 parameters that are frozen, and the head's.
parameters = WORKLOAD.parameters()
model = WORKLOAD.build(parameters)
assert model.count_params() == 4_049_571 + 1_280 * 101 + 101
assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == 1_280 * 101 + 101
assert model.output_shape == (None, 101)
train = food101("synthetic", train=32, test=2, seed=1).train
outputs = model.predict(train.inputs[:4], verbose=0)
assert np.allclose(outputs.sum(axis=1), 1, atol=1e-3)
again = WORKLOAD.build(parameters)
assert np.array_equal(outputs, again.predict(train.inputs[:4], verbose=0))
features = model.layers[-2]
assert features.output.shape == (None, 1_280)

# Its weights, where Keras keeps them.
path = efficientnet.weights_path()
assert path.parent == Path(os.environ["KERAS_HOME"]) / "models"
for content, said in ((None, "not on this machine"), (b"no weights", "damaged")):
    if content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        efficientnet.extractor("imagenet", 224)
    except DataMissingError as error:
        assert said in str(error) and str(path.parent) in str(error), error
    else:
        raise AssertionError("weights from nowhere")

# Augmentation: another picture at each call, while training only.
images = train.inputs[:4].astype("float32")
layer = augmentation(1)
assert np.array_equal(layer(images, training=False), images)
first, second = (np.asarray(layer(images, training=True)) for _ in range(2))
assert first.shape == images.shape and first.dtype == np.float32
assert first.min() >= 0 and first.max() <= 255
assert np.abs(first - second).mean() > 1 and np.abs(first - images).mean() > 1
colours = lambda pictures: pictures.mean((1, 2))
assert np.abs(colours(first) - colours(images)).max() < 80  # it is still the picture, roughly
print("ok")
"""


@pytest.mark.slow
def test_real_formats_are_read_and_the_networks_are_as_defined(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TFDS_DATA_DIR": str(tmp_path / "tfds"),
        "KERAS_HOME": str(tmp_path / "keras"),
        "https_proxy": "http://127.0.0.1:1",  # whatever this machine can reach, the child cannot
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False, env=environment
    )
    assert done.stdout.strip().endswith("ok"), done.stderr
