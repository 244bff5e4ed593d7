"""Data sets: whether the files that workloads read are here, and whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from farm.doctor.check import Check, guarded, listed, shown
from farm.render import units
from jobs.datasets import california_housing, cifar10_files, fashion_mnist_files, food101_files
from jobs.errors import DataMissingError
from jobs.networks import efficientnet

CHUNK = 1 << 20
ABSENT = "not there: will be downloaded (or data: synthetic)"


def checks() -> Iterator[Check]:
    """Yield what there is to say of each data set."""
    yield guarded("fashion-mnist", fashion_mnist)
    yield guarded("cifar-10", cifar10)
    yield guarded("food-101", food101)
    yield guarded("imagenet weights", imagenet_weights)
    yield guarded("california housing", housing)


def fashion_mnist() -> Check:
    """Compare the files in Keras's folder with the published ones."""
    name, here = "fashion-mnist", fashion_mnist_files.folder()
    there = {file: here / file for file in fashion_mnist_files.CHECKSUMS if (here / file).is_file()}
    if not there:
        return Check.fine(name, ABSENT)
    bad = _unlike(there, fashion_mnist_files.CHECKSUMS, "sha256")
    if bad:
        return _damaged(name, bad)
    left = len(fashion_mnist_files.CHECKSUMS) - len(there)
    if left:
        return Check.fine(name, f"{units.count(left, 'file')} of 4 not there: will be downloaded")
    return Check.fine(name, f"whole, in {shown(here)}")


def cifar10() -> Check:
    """Compare the batches, or the archive, in Keras's folder with the published ones."""
    name, here = "cifar-10", cifar10_files.folder()
    for folder in cifar10_files.FOLDERS:
        batches = {file: here / folder / file for file in cifar10_files.BATCH_MD5}
        if all(path.is_file() for path in batches.values()):
            bad = _unlike(batches, cifar10_files.BATCH_MD5, "md5")
            return (
                _damaged(name, bad)
                if bad
                else Check.fine(name, f"whole, in {shown(here / folder)}")
            )
    for file in cifar10_files.ARCHIVES:
        if (here / file).is_file():
            archive = {file: here / file}
            bad = _unlike(archive, {file: cifar10_files.ARCHIVE_SHA256}, "sha256")
            return (
                _damaged(name, bad) if bad else Check.fine(name, f"whole, as {shown(here / file)}")
            )
    return Check.fine(name, ABSENT)


def food101() -> Check:
    """Look whether every file that the lists of Food-101 name is there; 5 GB are not read."""
    name = "food-101"
    try:
        prepared = food101_files.prepared()
        unpacked = None if prepared else food101_files.unpacked()
    except DataMissingError as error:
        return Check.failed(name, error, separator=". ")
    if prepared is not None:
        lacking = _lacking_shards(prepared.folder)
        if lacking is None and prepared.verified:
            return Check.fine(name, f"whole, prepared in {shown(prepared.folder)}")
        why = lacking or f"{prepared.train:,} and {prepared.test:,} images, not as published"
        again = f"tfds build food101:{food101_files.VERSION} --data_dir {food101_files.root()}"
        return Check.wrong(
            name,
            f"{shown(prepared.folder)} is not whole: {why}",
            f"delete that folder, then `{again}`",
        )
    if unpacked is None:
        return Check.fine(name, "not there: 5 GB, not downloaded unasked (or data: synthetic)")
    missing = _missing_images(unpacked)
    if unpacked.verified and not missing:
        return Check.fine(name, f"whole, unpacked in {shown(unpacked.folder)}")
    said = f"{units.count(len(missing), 'image')} missing, {missing[0]} first" if missing else ""
    short = f"its lists name {len(unpacked.train):,} and {len(unpacked.test):,} images"
    return Check.wrong(
        name,
        f"{shown(unpacked.folder)} is not whole: {said or short}",
        f"unpack {food101_files.ARCHIVE} again",
    )


def imagenet_weights() -> Check:
    """Compare the weights of EfficientNetB0 in Keras's folder with the published ones."""
    name, path = "imagenet weights", efficientnet.weights_path()
    if not path.is_file():
        return Check.fine(name, ABSENT)
    bad = _unlike({path.name: path}, {path.name: efficientnet.MD5}, "md5")
    return _damaged(name, bad) if bad else Check.fine(name, f"whole, as {shown(path)}")


def housing() -> Check:
    """Look whether scikit-learn's file is there; it is packed on each machine, and has no sum."""
    name, path = "california housing", california_housing.folder() / california_housing.FILE
    if not path.is_file():
        return Check.fine(name, ABSENT)
    if path.stat().st_size == 0:
        return _damaged(name, [path])
    return Check.fine(name, f"there, as {shown(path)} (it has no published checksum)")


def _unlike(files: Mapping[str, Path], sums: Mapping[str, str], kind: str) -> list[Path]:
    return [path for name, path in files.items() if _sum(path, kind) != sums[name]]


def _sum(path: Path, kind: str) -> str:
    found = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _damaged(name: str, paths: list[Path]) -> Check:
    files = listed([path.name for path in paths])
    return Check.wrong(
        name,
        f"not the published files, by their checksums: {files} in {shown(paths[0].parent)}",
        "delete them to have them downloaded again, or copy them from a machine that has them",
    )


def _lacking_shards(folder: Path) -> str | None:
    """Return what is missing of prepared records, by their own description."""
    info = json.loads((folder / "dataset_info.json").read_text())
    for split in info["splits"]:
        part, wanted = split["name"], len(split["shardLengths"])
        files = list(folder.glob(f"*-{part}.*-of-*"))
        if len(files) < wanted:
            return f"{len(files)} of {wanted} files of the part {part}"
        size = sum(path.stat().st_size for path in files)
        if size < int(split.get("numBytes", 0)):
            return f"the files of the part {part} are cut short"
    return None


def _missing_images(unpacked: food101_files.Unpacked) -> list[str]:
    """Return which of the images that the lists name are not there."""
    images = unpacked.folder / "images"
    there = {
        f"{folder.name}/{file.name}"
        for folder in images.iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
    }
    named = (f"{each.path.parent.name}/{each.path.name}" for each in unpacked.train + unpacked.test)
    return [name for name in named if name not in there]
