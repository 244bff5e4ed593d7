"""Waiting for TensorFlow's device: on a GPU until it has finished, on a CPU not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from jobs.keras import device
from jobs.keras.tf_pipeline import placeable

Wait = Callable[[object], None]


class Array:
    """Notes what is read of it."""

    shape = (3, 4)

    def __init__(self) -> None:
        self.read: list[object] = []

    def __getitem__(self, where: object) -> SimpleNamespace:
        return SimpleNamespace(numpy=lambda: self.read.append(where))


@pytest.fixture(params=["linux", "darwin"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "platform", request.param)
    return str(request.param)


def tensorflow(monkeypatch: pytest.MonkeyPatch, gpus: list[str]) -> list[str]:
    """Put a TensorFlow with these GPUs in place of the real one; return what it is asked."""
    asked: list[str] = []
    fake = SimpleNamespace(
        config=SimpleNamespace(get_visible_devices=lambda kind: gpus),
        test=SimpleNamespace(
            experimental=SimpleNamespace(sync_devices=lambda: asked.append("sync"))
        ),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "tensorflow"))
    monkeypatch.setitem(sys.modules, "keras", keras)
    return asked


@pytest.mark.usefixtures("system")
def test_on_a_cpu_nothing_is_waited_for_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its wait stands on the clock of every single pass that a latency is made of
    asked, array = tensorflow(monkeypatch, []), Array()
    device.wait_for(array)
    device.wait_for([array, array])
    assert (asked, array.read) == ([], [])


def test_on_a_gpu_it_is_waited_for_once(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    asked, first, last = tensorflow(monkeypatch, ["GPU:0"]), Array(), Array()
    device.wait_for([first, last])
    if system == "darwin":  # one element, read back
        assert (asked, first.read, last.read) == ([], [], [(0, 0)])
    else:
        assert (asked, first.read, last.read) == (["sync"], [], [])


def test_tensorflow_gets_no_int32_which_it_would_keep_off_its_gpu() -> None:
    tokens = np.array([[1, 2**31 - 1]], dtype=np.int32)
    assert placeable(tokens).dtype == np.int64
    assert placeable(tokens).tolist() == tokens.tolist()
    for kind in (np.uint8, np.float32, np.int64):
        same = np.zeros(3, dtype=kind)
        assert placeable(same) is same
