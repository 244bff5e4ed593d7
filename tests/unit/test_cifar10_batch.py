"""A batch of CIFAR-10: the real format, what is no batch, and what wants to be run."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.datasets import cifar10_batch
from tests.cifar10_files import array, batch, listed, number, pickled, pixels, text

LABELS = listed([number(1), number(2)])


def of(**changes: bytes) -> bytes:
    values = {"labels": LABELS, "data": array(pixels(2), (2, 3072)), **changes}
    return pickled({name.encode(): value for name, value in values.items()})


def test_a_batch_as_python_2_pickled_it_is_read() -> None:
    found = cifar10_batch.read(batch(12, first=3))
    assert found.labels.tolist() == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4]
    assert found.images.shape == (12, 32, 32, 3)
    assert found.images.dtype == np.uint8
    assert found.images.flags.c_contiguous
    # All reds of an image come first, then its greens, then its blues, each row by row.
    raw = pixels(12, first=3)
    red, green, blue = 3072 * 7 + np.arange(3) * 1024 + 32 * 5 + 9
    assert found.images[7, 5, 9].tolist() == [raw[red], raw[green], raw[blue]]


def test_the_made_up_batch_is_what_numpy_reads_too() -> None:
    # The unrestricted reader agrees that this is the format.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that moved in numpy 2
        said = pickle.loads(batch(2), encoding="bytes")
    assert np.array_equal(said[b"data"], np.frombuffer(pixels(2), "u1").reshape(2, 3072))
    assert said[b"labels"] == [0, 1]


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_batch_that_python_3_pickled_again_is_read(protocol: int) -> None:
    rows = np.frombuffer(pixels(2), "u1").reshape(2, 3072)
    again = pickle.dumps({"data": rows, "labels": [4, 5]}, protocol=protocol)
    found = cifar10_batch.read(again)
    assert found.labels.tolist() == [4, 5]
    assert np.array_equal(found.images, cifar10_batch.read(batch(2)).images)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not unpickle"),
        (b"not a pickle", "does not unpickle"),
        (batch(2)[:-1000], "does not unpickle"),
        (b"\x80\x02" + LABELS + b".", "no dictionary but a list"),
        (pickled({b"data": array(pixels(2), (2, 3072))}), "holds no 'labels'"),
        (pickled({b"labels": LABELS}), "holds no 'data'"),
        (of(data=text(pixels(2))), "'data' is no array but a bytes"),
        (of(data=array(pixels(2), (2, 3072), b"f4")), "of type b'f4'; accepted: unsigned bytes"),
        (of(data=array(pixels(2), (2, 3072), b"O8")), "of type b'O8'"),
        (of(data=array(pixels(2), (6, 1024))), r"shape \(6, 1024\); accepted: \(images, 3072\)"),
        (of(data=array(pixels(2), (6144,))), r"shape \(6144,\)"),
        (of(data=array(pixels(1), (2, 3072))), "does not have the bytes of its shape"),
        (of(data=array(pixels(2), (2, 3072)), labels=listed([number(1)])), "2 images but 1 labels"),
        (of(labels=listed([number(1), number(10)])), "holds the label 10; labels are 0 to 9"),
        (of(labels=listed([number(1), text(b"2")])), "holds the label b'2'"),
        (of(labels=text(b"12")), "'labels' are no list but a bytes"),
        (of(labels=listed([]), data=array(b"", (0, 3072))), "holds no images"),
    ],
)
def test_what_is_no_batch_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cifar10_batch.read(content)


class Reduced:
    """Pickles as a call of whatever it is given."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self.said = call, arguments

    def __reduce__(self) -> Any:
        return self.said


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("call", "asked"),
    [(os.mkdir, "mkdir"), (eval, "eval"), (getattr, "getattr"), (np.load, "numpy")],
)
def test_a_batch_that_wants_to_be_run_is_refused(
    tmp_path: Path, call: Callable[..., Any], asked: str, protocol: int
) -> None:
    hostile = pickle.dumps({"data": Reduced(call, str(tmp_path / "run"))}, protocol=protocol)
    with pytest.raises(ValueError, match=rf"asks for .*{asked}.*nothing but numbers"):
        cifar10_batch.read(hostile)
    assert not list(tmp_path.iterdir())


def test_a_name_within_an_allowed_name_is_refused() -> None:
    # Protocol 4 looks names with dots up in what it was given.
    dotted = pickle.PROTO + b"\x04" + b"\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    with pytest.raises(ValueError, match=r"asks for numpy\.ndarray\.tofile"):
        cifar10_batch.read(dotted)


def test_a_stand_in_cannot_be_changed_by_a_batch() -> None:
    # BUILD on the stand-in's class itself, which a plain unpickler would let through.
    state = pickle.EMPTY_DICT + text(b"state") + number(1) + pickle.SETITEM
    hostile = (
        pickle.PROTO + b"\x02" + pickle.GLOBAL + b"numpy\ndtype\n" + state + pickle.BUILD + b"."
    )
    with pytest.raises(ValueError, match="does not unpickle"):
        cifar10_batch.read(hostile)
    assert cifar10_batch.read(batch(1)).labels.tolist() == [0]
