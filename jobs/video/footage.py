"""Footage: generated 1080p video, byte for byte the same on every machine.

Whole numbers alone, from NumPy's legacy generator, whose stream is frozen: ffmpeg's own test
patterns change with its version. It lies uncompressed in a file, so that an encoder waits for
nothing but the memory it is read from, and it ends as it begins, so that it can be repeated for as
long as is wanted.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from jobs import scratch
from jobs.errors import JobError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Content: TypeAlias = Literal["screen", "camera"]
Plane: TypeAlias = "NDArray[np.uint8]"

WIDTH, HEIGHT = 1920, 1080  # pixels
FRAMES_PER_SECOND = 30
PERIOD = 60  # frames, after which it begins again
FRAME_BYTES = WIDTH * HEIGHT * 3 // 2  # brightness in full, both colours at half width and height
SEED = 2021
SHA256 = {  # of all frames of a period
    "screen": "7cf6cbb0d2cb58ba079a35a58f73c5998becade7a6b30234bd45c820cd4fb2e3",
    "camera": "19570c2b83ef25efb4c5f5165a81aa6651ffe415c48273bda4936d5051ec63fd",
}

_LINE, _GLYPH = 20, 8  # pixels, of a line of text and the width of a letter
_LETTERS = 64
_SPACES = 12  # codes below it are blank
_STILL = 20  # frames of a period's both ends in which a screen's text does not move
_NOISE = 256  # pixels by which a frame's noise may be moved


def cached(content: Content) -> Path:
    """Return the file of one period, made unless it is there and whole; reading it warms its cache.

    Frames of `yuv420p`: HEIGHT × WIDTH bytes of brightness, then the two colours, (HEIGHT // 2) ×
    (WIDTH // 2) bytes each. Raises JobError when the disk is full or the file is not as it ought to
    be.
    """
    folder = scratch.cache()
    path = folder / f"footage-{content}-{SHA256[content][:8]}.yuv"
    if _digest_of(path) != SHA256[content]:
        scratch.require_space(folder, PERIOD * FRAME_BYTES, "the generated footage")
        _write(content, path)
    return path


def frames(content: Content) -> Iterator[tuple[Plane, Plane, Plane]]:
    """Yield the frames of one period: brightness and two colours each."""
    yield from {"screen": _screen, "camera": _camera}[content]()


def _write(content: Content, path: Path) -> None:
    digest = hashlib.sha256()
    with scratch.folder(path.parent / "making") as folder:
        made = folder / path.name
        try:
            with made.open("wb") as out:
                for plane in itertools.chain.from_iterable(frames(content)):
                    digest.update(plane.tobytes())
                    out.write(plane.tobytes())
            if digest.hexdigest() == SHA256[content]:
                made.replace(path)
                return
        except OSError as error:
            raise JobError(f"the footage cannot be written to {path}: {error.strerror}") from error
    raise JobError(
        f"the footage {content!r} that is generated here is not that of other machines: its "
        f"SHA-256 is {digest.hexdigest()}, not {SHA256[content]}; reinstall NumPy "
        f"({np.__version__} is here) and benchfarm"
    )


def _digest_of(path: Path) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _screen() -> Iterator[tuple[Plane, Plane, Plane]]:
    """Yield a screen: windows that stand still, a page that scrolls, letters typed, a pointer."""
    random = np.random.RandomState(SEED)
    bits = random.randint(0, 2, (_LETTERS, 6, 3), np.uint8)
    bits[:_SPACES] = 0
    glyphs = np.zeros((_LETTERS, _LINE, _GLYPH), np.uint8)
    glyphs[:, 4:16, 1:7] = bits.repeat(2, axis=1).repeat(2, axis=2)  # strokes of two pixels

    def text(lines: int, letters: int, *, whole: bool = False) -> Plane:
        codes = random.randint(0, _LETTERS, (lines, letters), np.int32)
        ends = random.randint(letters // 4, letters, (lines, 1), np.int32)
        ends[2::3] = 0  # a paragraph has two lines
        if not whole:
            codes[np.arange(letters) >= ends] = 0
        return glyphs[codes].transpose(0, 2, 1, 3).reshape(lines * _LINE, letters * _GLYPH)

    slope = np.arange(HEIGHT, dtype=np.int32)[:, None] + np.arange(WIDTH, dtype=np.int32)
    desk = (60 + slope // 64).astype(np.uint8)
    desk[40:1040, 40:440] = 40 + 150 * text(50, 50)
    page, typed = (
        text(24, 150),
        text(1, PERIOD, whole=True),
    )  # a page of 480 pixels, repeated below itself
    far = 0
    for number in range(PERIOD):
        far += 24 * (_STILL <= number < PERIOD - _STILL)
        rows = (np.arange(1000) + far) % len(page)
        dark = page[rows]
        y = desk.copy()
        y[40:1040, 480:1680] = 235 - 200 * dark
        y[960:980, 1400 : 1400 + _GLYPH * number] = 40 + 180 * typed[:, : _GLYPH * number]
        swing = min(number, PERIOD - number)
        y[200 + 12 * swing : 224 + 12 * swing, 600 + 24 * swing : 616 + 24 * swing] = 16
        u, v = (np.full((HEIGHT // 2, WIDTH // 2), level, np.uint8) for level in (140, 120))
        u[20:520, 240:840] = 128 + 50 * dark[::2, ::2]
        v[20:520, 240:840] = 128
        yield y, u, v


def _camera() -> Iterator[tuple[Plane, Plane, Plane]]:
    """Yield a camera's view: a scene that pans, somebody who moves before it, and noise."""
    random = np.random.RandomState(SEED + 1)
    scene, person = (_texture(random, 1280, 2176) for _ in range(2))
    noise = (
        random.randint(0, 4, (4, HEIGHT + _NOISE, WIDTH + _NOISE), np.uint8).sum(0, dtype=np.int32)
        - 6
    )
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    for number in range(PERIOD):
        swing = min(number, PERIOD - number)  # 0 to 30 and back
        down, right = 3 * swing, 7 * swing
        y = scene[down : down + HEIGHT, right : right + WIDTH] // 2 + 40
        inside = ((rows - 620 - 2 * swing) * 10 // 45) ** 2 + (
            (columns - 900 - 5 * swing) // 3
        ) ** 2
        y = np.where(inside < 110**2, person[:HEIGHT, 200 - right // 2 :][:, :WIDTH] // 3 + 90, y)
        u, v = 96 + y[::2, ::2] // 4, 160 - y[1::2, 1::2] // 4
        off = random.randint(0, _NOISE, 2, np.int32)
        grain = noise[off[0] : off[0] + HEIGHT, off[1] : off[1] + WIDTH][:: 1 - 2 * (number % 2)]
        y = y + grain
        u, v = u + grain[::2, ::2] // 2, v + grain[1::2, ::2] // 2
        yield y.astype(np.uint8), u.astype(np.uint8), v.astype(np.uint8)


def _texture(random: np.random.RandomState, height: int, width: int) -> NDArray[np.int32]:
    """Return soft shapes of five sizes on top of each other, 0 to 255: (height, width)."""
    total = np.zeros((height, width), np.int32)
    for cell in (8, 16, 32, 64, 128):
        grid = random.randint(0, 52, (height // cell + 1, width // cell + 1), np.int32)
        total += _between(_between(grid, cell).T, cell).T
    return total


def _between(grid: NDArray[np.int32], cell: int) -> NDArray[np.int32]:
    """Return rows between the grid's, `cell` for each but the last, by linear interpolation."""
    part = np.arange(cell, dtype=np.int32)[None, :, None]
    mixed = grid[:-1, None] * (cell - part) + grid[1:, None] * part
    return (mixed // cell).reshape(-1, grid.shape[1])
