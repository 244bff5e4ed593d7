"""Food-101 on this machine: where it may lie, in two layouts, and what to do when it does not.

L. Bossard, M. Guillaumin, L. Van Gool, 'Food-101: mining discriminative components with random
forests', 2014: 101 classes with 750 images to train and 250 to test each, as JPEG.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import DataMissingError

CLASSES = 101
TRAIN, TEST = 75_750, 25_250  # images of the published data
VERSION = "2.0.0"  # of TensorFlow Datasets' form of it
ARCHIVE = "food-101.tar.gz"
ARCHIVE_BYTES = 4_996_278_331


@dataclass(frozen=True, kw_only=True)
class Image:
    """One JPEG file and the number of its class, by the classes' alphabetical order."""

    path: Path
    label: int
    name: str  # of the class


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What TensorFlow Datasets has made of the archive: records in `folder`."""

    folder: Path
    train: int  # images; its split `train`
    test: int  # its split `validation`
    verified: bool  # made of the published archive, whose checksum TensorFlow Datasets compares


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """The archive's own folder: `images/CLASS/NUMBER.jpg`, and lists of both parts in `meta`."""

    folder: Path
    train: tuple[Image, ...]
    test: tuple[Image, ...]

    @property
    def verified(self) -> bool:
        """Whether the lists are as long as the published ones; 5 GB of images are not read."""
        return (len(self.train), len(self.test)) == (TRAIN, TEST)


def root() -> Path:
    """Return the folder of TensorFlow Datasets: $TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    said = os.environ.get("TFDS_DATA_DIR")
    return Path(said).expanduser() if said else Path.home() / "tensorflow_datasets"


def prepared() -> Prepared | None:
    """Return what lies in `food101/2.0.0` of the root, or None when nothing does.

    Raises DataMissingError when its description cannot be read.
    """
    folder = root() / "food101" / VERSION
    path = folder / "dataset_info.json"
    if not path.is_file():
        return None
    try:
        info = json.loads(path.read_text())
        counts = {split["name"]: sum(map(int, split["shardLengths"])) for split in info["splits"]}
        train, test = counts["train"], counts["validation"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataMissingError(
            f"{path} does not describe prepared data with the splits train and validation "
            f"({type(error).__name__}: {error}). Delete {folder}, then type: {_command()}"
        ) from error
    return Prepared(
        folder=folder,
        train=train,
        test=test,
        verified=(train, test) == (TRAIN, TEST) and _downloaded(info) == ARCHIVE_BYTES,
    )


def unpacked() -> Unpacked | None:
    """Return the first unpacked archive in the root's usual places, or None.

    Raises DataMissingError when a list of it is damaged.
    """
    for folder in _places():
        if (folder / "images").is_dir() and (folder / "meta" / "train.txt").is_file():
            return Unpacked(
                folder=folder, train=_listed(folder, "train"), test=_listed(folder, "test")
            )
    return None


def sample(images: tuple[Image, ...], count: int, seed: int) -> tuple[Image, ...]:
    """Return `count` of the images, of each class as many to within one, in a random order.

    The same for the same seed on every machine; all of them, if there are no more.
    """
    random = np.random.RandomState(seed)
    order = [images[at] for at in random.permutation(len(images))]
    turn: dict[int, int] = {}  # how many of the class came before
    ranked = []
    for image in order:
        rank = turn.get(image.label, 0)
        turn[image.label] = rank + 1
        ranked.append((rank, image))
    ranked.sort(key=lambda pair: pair[0])  # stable: all first ones, all second ones, …
    chosen = [image for _, image in ranked[:count]]
    return tuple(chosen[at] for at in random.permutation(len(chosen)))


def missing(*, layouts: str = "either") -> DataMissingError:
    """Return the error that says what is missing, where it was looked for, and what to type.

    `layouts`: "either", or "unpacked" for work that needs the images as files.
    """
    archive = root() / "downloads" / "manual" / ARCHIVE
    wanted = [f"unpacked as food-101/images and food-101/meta in {', '.join(map(str, _parents()))}"]
    if layouts == "either":
        wanted.insert(0, f"prepared in {root() / 'food101' / VERSION}")
    unpacking = f"tar -xzf {archive} -C {archive.parent}"
    command = unpacking if layouts == "unpacked" else _command()
    if archive.is_file():
        remedy = f"The archive {archive} is there; to have it made ready, type: {command}"
    elif layouts == "unpacked":
        remedy = f"Put the archive {ARCHIVE} (5.0 GB) at {archive}, then type: {command}"
    else:
        remedy = (
            f"To have it made ready, type: {command} (it downloads 5.0 GB, or takes {archive} if "
            f"that is there)"
        )
    return DataMissingError(
        f"Food-101 is not on this machine: it is not {', nor '.join(wanted)} ($TFDS_DATA_DIR "
        f"moves these folders). {remedy}. Or set 'data: synthetic' in the suite."
    )


def _command() -> str:
    return f"tfds build food101:{VERSION} --data_dir {root()}"


def _parents() -> tuple[Path, ...]:
    downloads = root() / "downloads"
    return root(), downloads / "manual", downloads / "extracted" / "*"


def _places() -> Iterator[Path]:
    *fixed, pattern = _parents()
    yield from (parent / "food-101" for parent in fixed)
    yield from sorted(pattern.parent.glob("*/food-101"))


def _downloaded(info: dict[str, Any]) -> int | None:
    said = str(info.get("downloadSize", ""))
    return int(said) if said.isdigit() else None


def _listed(folder: Path, part: str) -> tuple[Image, ...]:
    """Read `meta/PART.txt`: a line CLASS/NUMBER for each image."""
    path = folder / "meta" / f"{part}.txt"
    try:
        lines = path.read_text().split()
    except OSError as error:
        raise DataMissingError(f"{path} cannot be read: {error.strerror or error}") from error
    names = sorted(entry.name for entry in (folder / "images").iterdir() if entry.is_dir())
    numbers = {name: number for number, name in enumerate(names)}
    if len(names) > CLASSES:
        raise DataMissingError(
            f"{folder / 'images'} holds {len(names)} classes; Food-101 has {CLASSES}"
        )
    images = []
    for number, line in enumerate(lines, start=1):
        name, _, rest = line.partition("/")
        if name not in numbers or not rest:
            raise DataMissingError(
                f"{path}, line {number}: {line!r} is not CLASS/NUMBER of a class in "
                f"{folder / 'images'}; unpack the archive again"
            )
        file = folder / "images" / f"{line}.jpg"
        images.append(Image(path=file, label=numbers[name], name=name))
    if not images:
        raise DataMissingError(f"{path} lists no image; unpack the archive again")
    return tuple(images)
