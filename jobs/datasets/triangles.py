"""Triangles: pictures of one filled triangle each with its mask, drawn alike on every machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jobs import scratch
from jobs.dataset import Dataset, Part
from jobs.errors import JobError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 512  # pixels
SEED = 42
CORNERS = (20, SIDE - 20)  # of a triangle's coordinates, pixels; the upper one is excluded
COLOURS = (128, 256)  # of each of red, green and blue; the upper one is excluded
THRESHOLD = 10  # above it, a grey belongs to the triangle
PUBLISHED = 600  # pictures
# Of `Triangles.content` of those 600. They were compared with the pictures and masks that the
# article's author put on GitHub, pixel by pixel: all are the same.
PUBLISHED_SHA256 = "294038133bd6eb4edba8590aade38c975e0c4a785c3804a2d79ff8c15b877c85"
_MASK_BYTES = SIDE * SIDE // 8
_DIGEST_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Triangles:
    """Pictures as they are kept: each has one grey, on black."""

    greys: NDArray[np.uint8]  # (n,)
    bits: NDArray[np.uint8]  # (n, 512 × 512 / 8), 1 in the triangle, rows from the top

    @property
    def content(self) -> bytes:
        """All of it: the greys, then the bits."""
        return self.greys.tobytes() + self.bits.tobytes()

    def masks(self) -> NDArray[np.uint8]:
        """Return what is triangle: (n, 512, 512, 1), 0 or 1."""
        return np.unpackbits(self.bits, axis=1).reshape(-1, SIDE, SIDE, 1)

    def images(self) -> NDArray[np.uint8]:
        """Return the pictures: (n, 512, 512, 1), 0 to 255."""
        return self.masks() * self.greys[:, np.newaxis, np.newaxis, np.newaxis]


def triangles(*, train: int, validation: int) -> Dataset:
    """Return so many pictures with their masks, the last ones to validate and to test with.

    Inputs are uint8, (n, 512, 512, 1), 0 to 255; targets uint8 of the same shape, 0 or 1. 500 and
    100 are the published ones, and `verified` says whether they are so byte for byte; with another
    total there is none to compare with. They are drawn once and kept in the cache.

    Raises UnsupportedError when they have to be drawn and OpenCV is not installed.
    """
    count = train + validation
    found = cached(count)
    verified = None
    if count == PUBLISHED:
        verified = hashlib.sha256(found.content).hexdigest() == PUBLISHED_SHA256
    images, masks = found.images(), found.masks()
    tested = Part(inputs=images[train:], targets=masks[train:])
    return Dataset(
        train=Part(inputs=images[:train], targets=masks[:train]),
        validation=tested,
        test=tested,
        verified=verified,
    )


def cached(count: int) -> Triangles:
    """Return the pictures from the cache, else drawn and put there for the next job.

    A file that is damaged or cut short is replaced. Without a folder that can be written to they
    are drawn each time, which takes a second.
    """
    try:
        path = scratch.cache() / f"triangles-{count}.bin"
    except JobError:
        return draw(count)
    found = _read(path, count)
    if found is None:
        found = draw(count)
        _write(path, found.content)
    return found


def draw(count: int) -> Triangles:
    """Draw so many pictures, as the source did (Shirakawa 2021).

    From numpy's legacy generator, whose stream is frozen: the corners of all triangles, then the
    colours of all. Each is filled on an RGB picture, which is then made grey.

    Raises UnsupportedError when OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise UnsupportedError(
            f"the triangles are drawn with OpenCV, which cannot be imported here ({error}); "
            f'type pip install "benchfarm[workloads]" on this machine'
        ) from error

    random = np.random.RandomState(SEED)
    corners = random.randint(*CORNERS, size=(count, 3, 2), dtype=np.int32)
    colours = random.randint(*COLOURS, size=(count, 3), dtype=np.int32)
    greys = np.empty(count, np.uint8)
    bits = np.empty((count, _MASK_BYTES), np.uint8)
    for number, (triangle, colour) in enumerate(zip(corners, colours, strict=True)):
        picture = np.zeros((SIDE, SIDE, 3), np.uint8)
        cv2.fillConvexPoly(picture, triangle, colour.tolist())
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        greys[number] = grey.max()
        bits[number] = np.packbits(grey > THRESHOLD)
    return Triangles(greys=greys, bits=bits)


def _read(path: Path, count: int) -> Triangles | None:
    """Return what is in the file, or None when it is not there, not whole or not to be read."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    digest, content = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if len(content) != count * (1 + _MASK_BYTES) or hashlib.sha256(content).digest() != digest:
        return None
    flat = np.frombuffer(content, np.uint8)
    return Triangles(greys=flat[:count], bits=flat[count:].reshape(count, _MASK_BYTES))


def _write(path: Path, content: bytes) -> None:
    """Put the content there with its SHA-256 before it, whole or not at all."""
    # Another process may be writing the same: each has a file of its own, and the last one stays.
    with contextlib.suppress(OSError):
        file, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
        try:
            with os.fdopen(file, "wb") as out:
                out.write(hashlib.sha256(content).digest() + content)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
