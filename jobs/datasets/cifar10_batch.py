"""Batch: a pickled file of CIFAR-10, read without running anything that it might hold."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 10
CHANNELS, SIDE = 3, 32
PIXELS = CHANNELS * SIDE * SIDE


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images (n, 32, 32, 3) and labels (n,), unsigned bytes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def read(pickled: bytes) -> Batch:
    """Return the images and labels of a batch file (A. Krizhevsky, 'Learning multiple layers of
    features from tiny images', 2009; Python version).

    Under `data` it has a row of 3,072 unsigned bytes for each image, all its reds first, then its
    greens, then its blues, each row by row; under `labels` a list of as many numbers from 0 to 9.

    Raises ValueError, which says why, for any other file.
    """
    try:
        content = _Unpickler(io.BytesIO(pickled), encoding="bytes").load()
    except Exception as error:  # whatever a damaged pickle leads to
        raise ValueError(f"it does not unpickle ({error or type(error).__name__})") from error
    if not isinstance(content, dict):
        raise ValueError(f"it holds no dictionary but {_kind(content)}")
    rows = _rows(_value(content, "data"))
    labels = _labels(_value(content, "labels"))
    if len(rows) != len(labels):
        raise ValueError(f"it holds {len(rows)} images but {len(labels)} labels")
    if not labels:
        raise ValueError("it holds no images")
    images = rows.reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Batch(images=np.ascontiguousarray(images), labels=np.array(labels, np.uint8))


class _Type:
    """Stands for a `numpy.dtype`, of which only the code is of interest."""

    def __init__(self, code: object, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Do without the byte order: a byte has none."""


class _Array:
    """Stands for a `numpy.ndarray`; numpy itself trusts the state that a pickle gives it."""

    state: object = None

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Reads numbers, texts, lists, dictionaries and what stands for arrays, and calls nothing."""

    # The names that a pickled array holds, with numpy before 2 and since.
    _ALLOWED: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): None,
        ("numpy", "dtype"): _Type,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name; raise UnpicklingError for one that no batch holds."""
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}; a batch of CIFAR-10 holds nothing but numbers, "
                f"texts, lists and arrays"
            ) from None


def _value(content: dict[object, object], name: str) -> object:
    for key in (name.encode(), name):  # as Python 2 and Python 3 pickle a text
        if key in content:
            return content[key]
    raise ValueError(f"it holds no {name!r}")


def _rows(array: object) -> NDArray[np.uint8]:
    state = array.state if isinstance(array, _Array) else None
    if not (isinstance(state, tuple) and len(state) == 5):
        raise ValueError(f"its 'data' is no array but {_kind(array)}")
    _, shape, kind, by_column, raw = state
    code = kind.code if isinstance(kind, _Type) else None
    if code not in ("u1", b"u1"):
        raise ValueError(f"its 'data' is of type {code!r}; accepted: unsigned bytes (u1)")
    if not (isinstance(shape, tuple) and len(shape) == 2 and shape[1] == PIXELS):
        raise ValueError(f"its 'data' has the shape {shape}; accepted: (images, {PIXELS})")
    if by_column or not isinstance(raw, bytes) or len(raw) != shape[0] * PIXELS:
        raise ValueError("its 'data' does not have the bytes of its shape, row by row")
    return np.frombuffer(raw, np.uint8).reshape(-1, PIXELS)


def _labels(labels: object) -> list[int]:
    if not isinstance(labels, list):
        raise ValueError(f"its 'labels' are no list but {_kind(labels)}")
    for label in labels:
        if type(label) is not int or not 0 <= label < CLASSES:
            raise ValueError(f"it holds the label {label!r}; labels are 0 to {CLASSES - 1}")
    return labels


def _kind(value: object) -> str:
    return "an array" if isinstance(value, _Array) else f"a {type(value).__name__}"
