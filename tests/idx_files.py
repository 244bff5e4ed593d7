"""Small files in Fashion-MNIST's real format: gzipped IDX."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def idx_images(count: int) -> bytes:
    pixels = np.arange(count * 784, dtype=np.int64) % 251
    return gzip.compress(
        struct.pack(">IIII", 0x803, count, 28, 28) + pixels.astype("u1").tobytes(), mtime=0
    )


def idx_labels(count: int) -> bytes:
    return gzip.compress(
        struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)), mtime=0
    )


def write_files(keras_home: Path, train: int, test: int) -> Path:
    """Put all four files where Keras looks below its home; return their folder."""
    here = keras_home / "datasets" / "fashion-mnist"
    here.mkdir(parents=True)
    for part, count in (("train", train), ("t10k", test)):
        (here / f"{part}-images-idx3-ubyte.gz").write_bytes(idx_images(count))
        (here / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx_labels(count))
    return here
