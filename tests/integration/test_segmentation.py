"""The segmentation of triangles: its network, its loss against NumPy's, and that it learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.children import BACKENDS, cell, measured
from workers.hardware import detect
from workers.runner import Runner

NAME = "segmentation_512"
PARAMETERS = 20_886_706  # published

# Of a forward pass, by hand: side of the output (of a transposed convolution, the input), filters.
# The halving convolutions end a row and a column short, which zeros fill up.
STEM = 512**2 * 9 * 8
ENCODER = sum(
    (side - 1) ** 2 * 9 * before * after  # halving 3 × 3
    + side**2 * after * after  # 1 × 1
    + side**2 * after * (25 + after)  # separable 5 × 5
    for side, before, after in (
        (256, 8, 8),
        (128, 16, 16),
        (64, 32, 32),
        (32, 64, 128),
        (16, 256, 512),
    )
)
BOTTLENECK = 12**2 * 1024 * (25 + 1024) + 8**2 * 1024 * (25 + 2048)
DECODER = sum(
    side**2 * 9 * before * after
    for side, before, after in (
        (16, 2048, 512),
        (32, 512 + 1024, 384),
        (64, 384 + 256, 160),
        (128, 160 + 64, 56),
        (256, 56 + 32, 24),
        (512, 24 + 16, 24),
    )
)
HEAD = 510**2 * 9 * (24 + 8) * 32 + 510**2 * 9 * 32 * 16 + 512**2 * (16 + 1)
FLOPS = 2 * (STEM + ENCODER + BOTTLENECK + DECODER + HEAD)

# Loss and metrics by the source's own formulas, whose union is the sum of min(t + p, 1); the last
# picture has no mask. Then a step that meets such a picture, with a prediction of 0 throughout.
OVERLAP = """
import keras
import numpy as np
from jobs.networks import overlap

random = np.random.RandomState(3)
true = (random.rand(4, 6, 5, 1) < 0.4).astype(np.uint8)
true[3] = 0
given = random.rand(4, 6, 5, 1).astype(np.float16)
given[0, :2], given[1, 3:] = 0, 1
t, p = true.astype(np.float64), given.astype(np.float64)
union = np.minimum(t + p, 1).sum((1, 2, 3))
areas = (t + p).sum((1, 2, 3))
present = t.max((1, 2, 3))
iou = (areas - union) / union
expected = {
    "loss": present * (((t - p) ** 2).sum((1, 2, 3)) / union + 1 - iou**2),
    "iou": present * iou,
    "dice": present * 2 * (areas - union) / areas,
}
found = {"loss": keras.ops.convert_to_numpy(overlap.loss(true, given))}
assert found["loss"].dtype == np.float32
np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-6)
for name, metric in (("iou", overlap.iou()), ("dice", overlap.dice())):
    assert metric.name == name
    for few in (slice(0, 3), slice(3, 4)):  # the mean is over pictures, not batches
        metric.update_state(true[few], given[few])
    assert abs(float(metric.result()) - expected[name].mean()) < 1e-6

pixels = keras.Input((4, 4, 1))
model = keras.Model(pixels, keras.layers.Conv2D(1, 1, activation="sigmoid")(pixels))
model.compile(optimizer="sgd", loss=overlap.loss, metrics=[overlap.iou(), overlap.dice()])
model.set_weights([np.zeros((1, 1, 1, 1)), np.full(1, -200.0)])
said = model.train_on_batch(np.ones((2, 4, 4, 1)), np.zeros((2, 4, 4, 1)), return_dict=True)
assert {name: float(value) for name, value in said.items()} == {"loss": 0, "iou": 0, "dice": 0}
assert all(np.isfinite(weight).all() for weight in model.get_weights())
print(keras.backend.backend())
"""

NETWORK = """
import json
from jobs import catalogue
from jobs.keras import flops
from jobs.workloads import segmentation_512

model = catalogue.find("segmentation_512").build(None)
optimizer = segmentation_512.sgd()
model.compile(optimizer=optimizer)
schedule = segmentation_512.schedule(2)
schedule.set_model(model)
rates = []
for epoch in range(2):
    schedule.on_epoch_begin(epoch)
    rates.append(float(optimizer.learning_rate))
print(json.dumps({
    "parameters": model.count_params(),
    "input": model.input_shape,
    "output": model.output_shape,
    "flops": flops.of_inference(model),
    "training": flops.of_training(model),
    "rates": rates,
    "momentum": [optimizer.momentum, optimizer.nesterov],
}))
"""


def printed(code: str, backend: str = "tensorflow") -> str:
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_loss_and_metrics_are_those_of_numpy(backend: str) -> None:
    assert printed(OVERLAP, backend).strip() == backend


def test_the_network_is_the_published_one() -> None:
    said: dict[str, Any] = json.loads(printed(NETWORK))
    assert said["parameters"] == PARAMETERS
    assert said["input"] == said["output"] == [None, 512, 512, 1]
    assert said["flops"] == FLOPS
    assert said["training"] == 3 * FLOPS - 2 * STEM  # no gradient of the image
    assert said["rates"] == pytest.approx([0.25, 0.25 * 0.5**0.9])
    assert said["momentum"] == [0.95, True]


@pytest.mark.slow
def test_two_epochs_raise_the_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_HOME", str(tmp_path))  # where the pictures are kept
    runner = Runner("worker-1", detect(device="cpu"), "fork", {"FARM_DEVICE": "cpu"})
    try:
        measurement = measured(runner, cell(NAME, "tensorflow"))
    finally:
        runner.close()
    history = measurement.history
    assert history["iou"][1] > history["iou"][0] > 0
    assert history["dice"][1] > history["dice"][0]
    assert history["loss"][1] < history["loss"][0]
    assert history["learning_rate"] == pytest.approx((0.25, 0.25 * 0.5**0.9))
    assert {"val_loss", "val_iou", "val_dice"} < set(history)
    assert 0 < measurement.test["iou"] < measurement.test["dice"] < 1
    assert (measurement.samples_per_epoch, measurement.steps_per_lap) == (2, 2)
    assert measurement.parameter_count == PARAMETERS
    assert measurement.flops_per_sample == 3 * FLOPS - 2 * STEM
    assert measurement.data_verified is None  # 4 pictures are not the published 600
    assert (tmp_path / "cache" / "triangles-4.bin").is_file()
