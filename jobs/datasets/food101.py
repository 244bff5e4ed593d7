"""Food-101: the real images, read while the network trains, or synthetic ones of their shape."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.dataset import Dataset, Part, Stream
from jobs.datasets import food101_files as files
from jobs.datasets.food101_files import CLASSES, TEST, TRAIN
from jobs.errors import DataMissingError
from jobs.spec import DataSource

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray

__all__ = ["CLASSES", "IMAGE_SHAPE", "TEST", "TRAIN", "food101", "pictures"]

SIDE = 224  # pixels
IMAGE_SHAPE = (SIDE, SIDE, 3)
SHUFFLED = 1_000  # images among which the next one is drawn, as in the source
AHEAD = 2  # batches that are made ready before they are asked for
# Synthetic images are never more than these, so that they fit into 0.4 GB; an epoch is then as
# long as they are many, and the measurement says so.
MOST_TRAIN, MOST_TEST = 2_048, 512
CELLS = 2  # a side, of one colour each: few, so that classes differ in their mean colour as well
IMAGES_A_CLASS = 32  # of synthetic data, at least: fewer classes where there are fewer images


def food101(
    source: DataSource, *, train: int, test: int, seed: int, unpacked_first: bool = False
) -> Dataset:
    """Return Food-101, or synthetic images like it; validation is the test part, as in the source.

    Images are (224, 224, 3), 0 to 255; targets int32. Real ones are float32, read, decoded and
    resized by tf.data while the network trains; synthetic ones uint8, in memory, which the network
    turns to float32. Fewer than asked for are used if there are no more; the measurement records
    how many there were.

    Of a part of the real images, the unpacked archive gives as many of every class, chosen by the
    seed; prepared data, whose order is random, its first ones. `unpacked_first`: of both, take the
    unpacked archive.

    Raises DataMissingError when the real data is not here: 5 GB are not downloaded unasked.
    """
    if source == "synthetic":
        return _synthetic(min(train, MOST_TRAIN), min(test, MOST_TEST), seed)
    looks: list[Callable[[], files.Prepared | files.Unpacked | None]]
    looks = [files.prepared, files.unpacked]
    for look in reversed(looks) if unpacked_first else looks:
        found = look()
        if isinstance(found, files.Prepared):
            return _prepared(found, train, test)
        if found is not None:
            return _unpacked(found, train, test, seed)
    raise files.missing()


def pictures(part: Part) -> Sequence[tuple[NDArray[np.uint8], int]]:
    """Return the images of a synthetic part, each with its class."""
    return list(zip(part.inputs, map(int, part.targets), strict=True))


def _synthetic(train: int, test: int, seed: int) -> Dataset:
    """One coarse random picture a class, under a third as much noise.

    Of 101 classes as many occur as there are 32 images to learn each from, and two at least.
    numpy's legacy generator, because its stream is frozen.
    """
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 192, size=(CLASSES, CELLS, CELLS, 3)).astype(np.uint8)
    classes = max(2, min(CLASSES, train // IMAGES_A_CLASS))

    def part(count: int) -> Part:
        labels = random.randint(0, classes, size=count)
        images = np.empty((count, *IMAGE_SHAPE), np.uint8)
        for at in range(count):
            noise = np.frombuffer(random.bytes(images[at].size), np.uint8).reshape(IMAGE_SHAPE)
            picture = coarse[labels[at]].repeat(SIDE // CELLS, axis=0).repeat(SIDE // CELLS, axis=1)
            np.add(picture, noise // 4, out=images[at])
        return Part(inputs=images, targets=labels.astype(np.int32))

    tested = part(test)
    return Dataset(train=part(train), validation=tested, test=tested, verified=None)


def _prepared(found: files.Prepared, train: int, test: int) -> Dataset:
    tfds = _tensorflow_datasets()
    builder = tfds.builder_from_directory(str(found.folder))
    calls = _calls()

    def stream(split: str, count: int) -> Stream:
        def read(seed: int | None) -> tf.data.Dataset:
            config = tfds.ReadConfig(
                shuffle_seed=seed,
                try_autocache=False,
                num_parallel_calls_for_decode=calls,
                num_parallel_calls_for_interleave_files=calls,
            )
            dataset = builder.as_dataset(
                split=f"{split}[:{count}]", shuffle_files=seed is not None, read_config=config
            )
            return dataset.map(lambda sample: (sample["image"], sample["label"]))

        return _stream(count, read)

    tested = stream("validation", min(test, found.test))
    return Dataset(
        train=stream("train", min(train, found.train)),
        validation=tested,
        test=tested,
        verified=found.verified,
    )


def _unpacked(found: files.Unpacked, train: int, test: int, seed: int) -> Dataset:
    def stream(images: tuple[files.Image, ...]) -> Stream:
        paths = [str(image.path) for image in images]
        labels = np.array([image.label for image in images], np.int32)

        def read(shuffle_seed: int | None) -> tf.data.Dataset:
            import tensorflow as tf

            def decoded(path: Any, label: Any) -> tuple[Any, Any]:
                return tf.io.decode_jpeg(tf.io.read_file(path), channels=3), label

            dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
            if shuffle_seed is not None:  # of names, as prepared data is shuffled by its files
                dataset = dataset.shuffle(len(paths), seed=shuffle_seed)
            return dataset.map(decoded, num_parallel_calls=_calls())

        return _stream(len(images), read)

    tested = stream(files.sample(found.test, test, seed))
    return Dataset(
        train=stream(files.sample(found.train, train, seed)),
        validation=tested,
        test=tested,
        verified=found.verified,
    )


def _stream(count: int, read: Callable[[int | None], tf.data.Dataset]) -> Stream:
    """Return decoded images as batches: resized, shuffled by a buffer, made ready in advance.

    The source left three numbers to tf.data's autotuner: how many images are read, decoded and
    resized at once, and how many batches ahead. Here they are as many as there are CPUs, and two:
    the autotuner's timed waits would be on the clock (see `tf_pipeline`).
    """

    def batches(batch_size: int, seed: int | None) -> tf.data.Dataset:
        tf = _tensorflow()

        def resized(image: Any, label: Any) -> tuple[Any, Any]:
            small = tf.cast(tf.image.resize(image, [SIDE, SIDE]), tf.float32)
            return tf.ensure_shape(small, IMAGE_SHAPE), tf.cast(label, tf.int32)

        dataset = read(seed).map(resized, num_parallel_calls=_calls())
        if seed is not None:
            dataset = dataset.shuffle(SHUFFLED, seed=seed)
        options = tf.data.Options()
        options.autotune.enabled = False
        steps = -(-count // batch_size)
        return (
            dataset.batch(batch_size)
            .apply(tf.data.experimental.assert_cardinality(steps))
            .prefetch(AHEAD)
            .with_options(options)
        )

    return Stream(count=count, batches=batches, sample_bytes=4 * SIDE * SIDE * 3 + 4)


def _tensorflow() -> Any:
    """Import TensorFlow; beside another backend it reads, and leaves the GPU alone."""
    import keras

    try:
        import tensorflow as tf
    except ImportError as error:
        raise DataMissingError(
            "Food-101's images are read by TensorFlow, whatever backend trains, and it is not "
            "installed here: pip install \"benchfarm[tensorflow]\", or set 'data: synthetic'"
        ) from error
    if keras.backend.backend() != "tensorflow":
        tf.config.set_visible_devices([], "GPU")
    return tf


def _tensorflow_datasets() -> Any:
    _tensorflow()
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataMissingError(
            "Food-101 is here as prepared by TensorFlow Datasets, which is not installed: "
            "pip install \"benchfarm[workloads]\", or set 'data: synthetic'"
        ) from error
    return tfds


def _calls() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
