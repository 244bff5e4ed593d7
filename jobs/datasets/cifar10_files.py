"""The files of CIFAR-10: where Keras keeps them, unpacked or not, and their checksums."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.datasets import cifar10_batch
from jobs.errors import DataMissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INNER = "cifar-10-batches-py"
# Where Keras 3.15 unpacks the archive, and where Keras up to 3.5 does.
FOLDERS = (f"{INNER}-target/{INNER}", INNER)
# The archive's name to Keras 3.15, to Keras up to 3.5, and as it is published.
ARCHIVES = (f"{INNER}-target_archive", f"{INNER}.tar.gz", "cifar-10-python.tar.gz")
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
# MD5 of the published archive's batches, as torchvision checks them.
BATCH_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


@dataclass(frozen=True, kw_only=True)
class Cifar10Files:
    """The files' content; images (n, 32, 32, 3) and labels (n,), unsigned bytes."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    verified: bool  # the checksum of the archive, or of every batch, is the published one


def folder() -> Path:
    """Return where Keras looks: `datasets` under $KERAS_HOME, else under ~/.keras."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def load() -> Cifar10Files:
    """Read the six batches from Keras's cache: unpacked, else from the archive, else downloaded.

    What came from an archive is then kept unpacked, where Keras 3.15 does, for the next job.

    Raises DataMissingError when the files are neither there nor to be had, or are damaged.
    """
    here = folder()
    place = next((here / name for name in FOLDERS if not _missing(here / name)), None)
    if place is not None:
        contents = {name: _content(place / name) for name in BATCH_MD5}
        return _files(place, contents, published=False)
    archive = next((here / name for name in ARCHIVES if (here / name).is_file()), None)
    if archive is None:
        archive = here / ARCHIVES[0]
        _download(archive)
    packed = _content(archive)
    contents = _unpacked(archive, packed)
    published = hashlib.sha256(packed).hexdigest() == ARCHIVE_SHA256
    files = _files(archive, contents, published=published)
    _keep(contents, here / FOLDERS[0])
    return files


def _missing(place: Path) -> list[str]:
    return [name for name in BATCH_MD5 if not (place / name).is_file()]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataMissingError(f"{path} cannot be read: {error.strerror or error}") from error


def _download(archive: Path) -> None:
    import keras

    here = archive.parent
    # Into a folder of its own first: a download that is cut off must not look like the archive.
    try:
        here.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=here) as scratch:
            fetched = keras.utils.get_file(
                archive.name,
                origin=ORIGIN,
                file_hash=ARCHIVE_SHA256,
                cache_dir=scratch,
                cache_subdir="",
            )
            Path(fetched).replace(archive)
    except Exception as error:
        there = [here / name for name in FOLDERS if (here / name).is_dir()]
        lacking = [f"{place} lacks {', '.join(_missing(place))}" for place in there]
        raise DataMissingError(
            f"CIFAR-10 is not on this machine: {'; '.join(lacking) or f'it is not in {here}'} "
            f"(searched there, which is where Keras looks; $KERAS_HOME moves it: "
            f"{', '.join((*FOLDERS, *ARCHIVES))}), and it could not be downloaded "
            f"({' '.join(str(error).split())}). Copy cifar-10-python.tar.gz into {here} from a "
            f"machine that has it, or set 'data: synthetic' in the suite."
        ) from error


def _unpacked(archive: Path, packed: bytes) -> dict[str, bytes]:
    """Return the batches in an archive by name; nothing else of it is looked at."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as opened:
            for member in opened:
                name = member.name.removeprefix("./").removeprefix(f"{INNER}/")
                file = opened.extractfile(member) if name in BATCH_MD5 and member.isreg() else None
                if file is not None:
                    contents[name] = file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _damaged(archive, f"it does not unpack ({error})") from error
    if lacking := [name for name in BATCH_MD5 if name not in contents]:
        raise _damaged(archive, f"it holds no {', '.join(lacking)}")
    return contents


def _files(place: Path, contents: dict[str, bytes], *, published: bool) -> Cifar10Files:
    batches = {}
    for name in BATCH_MD5:
        try:
            batches[name] = cifar10_batch.read(contents[name])
        except ValueError as error:
            raise _damaged(place, f"{name}: {error}") from error
    return Cifar10Files(
        train_images=np.concatenate([batches[name].images for name in TRAIN]),
        train_labels=np.concatenate([batches[name].labels for name in TRAIN]),
        test_images=batches[TEST].images,
        test_labels=batches[TEST].labels,
        verified=published or all(_md5(contents[name]) == BATCH_MD5[name] for name in BATCH_MD5),
    )


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _keep(contents: dict[str, bytes], place: Path) -> None:
    # A cache that may not be written to is no fault: the next job reads the archive again.
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            for name, content in contents.items():
                written = Path(scratch, name)
                written.write_bytes(content)
                written.replace(place / name)


def _damaged(place: Path, why: str) -> DataMissingError:
    return DataMissingError(
        f"{place} is damaged: {why}. Delete it to have CIFAR-10 downloaded again, or replace it "
        f"(SHA-256 of the published cifar-10-python.tar.gz: {ARCHIVE_SHA256})."
    )
