"""The four files of Fashion-MNIST: where Keras keeps them, their format, their checksums."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.errors import DataMissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# SHA-256 of the published files (Xiao, Rasul and Vollgraf 2017, as Keras distributes them).
CHECKSUMS = {
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
}
ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801  # IDX: unsigned bytes in three dimensions, in one


@dataclass(frozen=True, kw_only=True)
class FashionMnistFiles:
    """The files' content; images (n, 28, 28) and labels (n,), unsigned bytes."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    folder: Path
    verified: bool  # every checksum is the published one


def folder() -> Path:
    """Return where Keras looks: `datasets/fashion-mnist` under $KERAS_HOME, else ~/.keras."""
    home = os.environ.get("KERAS_HOME")
    root = Path(home) if home else Path.home() / ".keras"
    return root / "datasets" / "fashion-mnist"


def load() -> FashionMnistFiles:
    """Read the files from Keras's cache; download those that are missing, checksums verified.

    Raises DataMissingError when a file is neither there nor to be had, or is damaged.
    """
    here = folder()
    contents = {name: _content(here / name) for name in CHECKSUMS}
    verified = all(
        hashlib.sha256(packed).hexdigest() == CHECKSUMS[name] for name, packed in contents.items()
    )
    train_images = _images(here, "train-images-idx3-ubyte.gz", contents)
    train_labels = _labels(here, "train-labels-idx1-ubyte.gz", contents)
    test_images = _images(here, "t10k-images-idx3-ubyte.gz", contents)
    test_labels = _labels(here, "t10k-labels-idx1-ubyte.gz", contents)
    for part, images, labels in (
        ("train", train_images, train_labels),
        ("t10k", test_images, test_labels),
    ):
        if len(images) != len(labels):
            raise DataMissingError(
                f"{here}: the {part} files do not belong together: "
                f"{len(images)} images, {len(labels)} labels; replace both"
            )
    return FashionMnistFiles(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        folder=here,
        verified=verified,
    )


def _content(path: Path) -> bytes:
    if not path.is_file():
        _download(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataMissingError(f"{path} cannot be read: {error.strerror or error}") from error


def _download(path: Path) -> None:
    import keras

    # Into a folder of its own first: a download that is cut off must not look like a data file.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            fetched = keras.utils.get_file(
                path.name,
                origin=ORIGIN + path.name,
                file_hash=CHECKSUMS[path.name],
                cache_dir=scratch,
                cache_subdir="",
            )
            Path(fetched).replace(path)
    except Exception as error:
        raise DataMissingError(
            f"Fashion-MNIST is not on this machine: {path.name} is not in {path.parent} "
            f"(searched: that folder, which is where Keras looks; $KERAS_HOME moves it), and it "
            f"could not be downloaded ({' '.join(str(error).split())}). "
            f"Copy the four files {', '.join(CHECKSUMS)} into that folder from a machine that has "
            f"them, or set 'data: synthetic' in the suite."
        ) from error


def _images(here: Path, name: str, contents: dict[str, bytes]) -> NDArray[np.uint8]:
    raw = _unpacked(here / name, contents[name], header=16)
    magic, count, rows, columns = struct.unpack(">IIII", raw[:16])
    if magic != IMAGES_MAGIC or (rows, columns) != (28, 28) or len(raw) != 16 + count * 784:
        raise _damaged(here / name, "it is not an IDX file of 28 × 28 images")
    return np.frombuffer(raw, np.uint8, offset=16).reshape(count, 28, 28)


def _labels(here: Path, name: str, contents: dict[str, bytes]) -> NDArray[np.uint8]:
    raw = _unpacked(here / name, contents[name], header=8)
    magic, count = struct.unpack(">II", raw[:8])
    if magic != LABELS_MAGIC or len(raw) != 8 + count:
        raise _damaged(here / name, "it is not an IDX file of labels")
    labels = np.frombuffer(raw, np.uint8, offset=8)
    if count and labels.max() > 9:
        raise _damaged(here / name, f"it holds the label {labels.max()}; labels are 0 to 9")
    return labels


def _unpacked(path: Path, packed: bytes, header: int) -> bytes:
    try:
        raw = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"it does not unpack ({error})") from error
    if len(raw) < header:
        raise _damaged(path, "it is too short")
    return raw


def _damaged(path: Path, why: str) -> DataMissingError:
    return DataMissingError(
        f"{path} is damaged: {why}. Delete it to have it downloaded again, or replace it "
        f"(SHA-256 of the published file: {CHECKSUMS[path.name]})."
    )
