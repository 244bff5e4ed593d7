"""Labelled folders: images as files, in a folder for each class, as Create ML reads them."""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs.datasets.food101_files import Image
from jobs.errors import DataMissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def of_files(folder: Path, images: Iterable[Image]) -> None:
    """Put the files into `folder/CLASS`, as second names of the same files, or else as copies.

    Not as symbolic links: what reads a folder may leave those out.

    Raises DataMissingError for a file that is not there.
    """
    for image in images:
        target = folder / image.name / image.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _second_name(image.path, target)
        except FileNotFoundError as error:
            raise DataMissingError(
                f"{image.path} is listed in meta and is not there; unpack the archive again"
            ) from error


def of_pictures(folder: Path, pictures: Iterable[tuple[NDArray[np.uint8], int]]) -> None:
    """Write pictures, (y, x, 3) unsigned bytes, each with the number of its class, as PNG files."""
    for number, (picture, label) in enumerate(pictures):
        target = folder / f"class-{label:03}" / f"{number:05}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(picture))


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture, (y, x, 3) unsigned bytes, as a PNG file (ISO/IEC 15948:2004)."""
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # a row begins with its filter: none
    rows[:, 1:] = picture.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, red green blue
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _second_name(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without such names
        shutil.copyfile(path, target)
