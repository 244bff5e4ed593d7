"""Small files in CIFAR-10's real format: dictionaries as Python 2 pickled them, in an archive."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np

from jobs.datasets.cifar10_files import BATCH_MD5, INNER

BATCHES = tuple(BATCH_MD5)


def text(of: bytes) -> bytes:
    """Return the operation by which Python 2 pickles a text."""
    return pickle.BINSTRING + len(of).to_bytes(4, "little") + of


def number(of: int) -> bytes:
    return pickle.BININT1 + bytes([of]) if of < 256 else pickle.BININT + of.to_bytes(4, "little")


def listed(items: list[bytes]) -> bytes:
    return pickle.EMPTY_LIST + pickle.MARK + b"".join(items) + pickle.APPENDS


def array(pixels: bytes, shape: tuple[int, ...], code: bytes = b"u1") -> bytes:
    """Return the operations by which Python 2 pickles an array of numpy 1."""
    kind = (
        pickle.GLOBAL + b"numpy\ndtype\n"
        + text(code) + number(0) + number(1) + pickle.TUPLE3 + pickle.REDUCE
        + pickle.MARK + number(3) + text(b"|") + pickle.NONE * 3
        + (pickle.BININT + b"\xff\xff\xff\xff") * 2 + number(0) + pickle.TUPLE + pickle.BUILD
    )  # fmt: skip
    return (
        pickle.GLOBAL + b"numpy.core.multiarray\n_reconstruct\n"
        + pickle.GLOBAL + b"numpy\nndarray\n"
        + number(0) + pickle.TUPLE1 + text(b"b") + pickle.TUPLE3 + pickle.REDUCE
        + pickle.MARK + number(1)
        + pickle.MARK + b"".join(number(size) for size in shape) + pickle.TUPLE
        + kind + pickle.NEWFALSE + text(pixels) + pickle.TUPLE + pickle.BUILD
    )  # fmt: skip


def pickled(values: dict[bytes, bytes]) -> bytes:
    """Return a pickled dictionary of texts to the given operations."""
    items = b"".join(text(key) + value for key, value in values.items())
    return pickle.PROTO + b"\x02" + pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS + b"."


def pixels(count: int, first: int = 0) -> bytes:
    return ((np.arange(count * 3072) + first) % 251).astype("u1").tobytes()


def batch(count: int, first: int = 0) -> bytes:
    """Return a batch file of so many images, labels and pixels counting up from `first`."""
    return pickled(
        {
            b"batch_label": text(b"training batch 1 of 5"),
            b"labels": listed([number((first + i) % 10) for i in range(count)]),
            b"data": array(pixels(count, first), (count, 3072)),
            b"filenames": listed([text(b"image_%d.png" % i) for i in range(count)]),
        }
    )


def contents(count: int, test: int) -> dict[str, bytes]:
    """Return the batches by name, each of `count` images but the last."""
    train = {name: batch(count, first=i) for i, name in enumerate(BATCHES[:-1])}
    return {**train, BATCHES[-1]: batch(test)}


def write_batches(place: Path, count: int = 4, test: int = 3) -> Path:
    """Put the unpacked batches into a folder; return it."""
    place.mkdir(parents=True)
    for name, content in contents(count, test).items():
        (place / name).write_bytes(content)
    (place / "batches.meta").write_bytes(b"of no interest")
    return place


def write_archive(path: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write the archive of the given files, else of four images a batch; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (files or contents(4, 3)).items():
            member = tarfile.TarInfo(f"{INNER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
