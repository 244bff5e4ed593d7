"""Initial weights: the same on every backend that is installed, from Keras's own distributions."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.slow
BACKENDS = [name for name in ("tensorflow", "torch", "jax") if importlib.util.find_spec(name)]

CODE = """
import hashlib, json
import keras
import numpy as np
from keras import layers
from jobs import catalogue
from jobs.keras import initial_weights
from tests.conftest import make_cell, make_job

def values(of):
    return [keras.ops.convert_to_numpy(weight.value) for weight in of.weights]

def zoo():
    image = keras.Input((12, 12, 3))
    flow = layers.Conv2D(8, 3, kernel_initializer="he_normal")(image)
    flow = layers.BatchNormalization()(flow)
    flow = layers.SeparableConv2D(6, 3, depthwise_initializer="lecun_uniform")(flow)
    flow = layers.DepthwiseConv2D(3, depthwise_initializer="he_uniform")(flow)
    flow = layers.Conv2DTranspose(5, 3)(flow)
    flow = layers.GlobalAveragePooling2D()(flow)
    inner = keras.Sequential([layers.Dense(12, kernel_initializer="random_normal"), layers.PReLU()])
    flow = layers.Reshape((4, 3))(inner(flow))
    flow = layers.MultiHeadAttention(2, 3)(flow, flow)
    flow = layers.Bidirectional(layers.LSTM(7, return_sequences=True))(flow)
    flow = layers.LayerNormalization()(layers.GRU(5)(flow))
    flow = layers.Dense(4, kernel_initializer="orthogonal", bias_initializer="ones")(flow)
    tokens = keras.Input((2,), dtype="int32")
    more = layers.Flatten()(layers.Embedding(9, 2)(tokens))
    return keras.Model([image, tokens], layers.Add()([flow, more]))

found = {}
keras.utils.set_random_seed(3)
model = zoo()
before = values(model)
assert initial_weights.draw(model, 5, strict=True)
after = values(model)
names = [f"{weight.name} {weight.shape}" for weight in model.weights]
same = [np.array_equal(one, other) for one, other in zip(before, after)]
found["constant"] = sorted({name.split()[0] for name, kept in zip(names, same) if kept})
found["drawn"] = [name for name, kept in zip(names, same) if not kept]
found["digests"] = [hashlib.sha256(each.tobytes()).hexdigest()[:8] for each in after]
again = zoo()  # with other automatic names
initial_weights.draw(again, 5)
found["again"] = all(map(np.array_equal, values(again), after))
initial_weights.draw(again, 6)
found["other"] = sum(map(np.array_equal, values(again), after)) == sum(same)

loaded = next(each for each in model.layers if isinstance(each, keras.Sequential))
kept = values(loaded)
initial_weights.draw(model, 8, keep=[loaded])
found["kept"] = all(map(np.array_equal, values(loaded), kept))
found["rest"] = not np.array_equal(values(model)[0], after[0])

class Odd(keras.initializers.RandomNormal):
    def __call__(self, shape, dtype=None):
        return super().__call__(shape, dtype) ** 3

class Unsaid(layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(3,), initializer="random_normal")
        self.offset = self.add_weight(name="offset", shape=(3,), initializer="zeros")

    def call(self, inputs):
        return inputs * self.gain + self.offset

found["refused"] = []
for last in (layers.Dense(3, kernel_initializer=Odd()), Unsaid()):
    strange = keras.Sequential([keras.Input((3,)), layers.Dense(3), last])
    own = values(strange)
    assert not initial_weights.draw(strange, 5)
    assert all(map(np.array_equal, values(strange), own))
    try:
        initial_weights.draw(strange, 5, strict=True)
    except initial_weights.UnknownInitializerError as error:
        found["refused"].append(str(error))

known, shape = keras.initializers, (300, 400)
found["distributions"] = {}
for name, initializer in {
    **{name: known.get(name) for name in (
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
        "lecun_normal", "orthogonal",
    )},
    "fan_out": known.VarianceScaling(3.0, "fan_out", "untruncated_normal"),
    "normal": known.RandomNormal(0.3, 0.2),
    "truncated": known.TruncatedNormal(-0.3, 0.2),
    "uniform": known.RandomUniform(-0.1, 0.4),
}.items():
    layer = layers.Dense(shape[1], kernel_initializer=initializer)
    network = keras.Sequential([keras.Input(shape[:1]), layer])
    own = np.sort(values(network)[0].ravel()).astype(np.float64)
    assert initial_weights.draw(network, 5, strict=True)
    ours = np.sort(values(network)[0].ravel()).astype(np.float64)
    both = np.concatenate([own, ours])
    distance = np.abs(
        np.searchsorted(own, both, "right") - np.searchsorted(ours, both, "right")
    ).max() / own.size
    told = [[each.mean(), each.std(), each[0], each[-1]] for each in (own, ours)]
    found["distributions"][name] = [*told, distance]

found["losses"] = {}
for name, steps in (("transformer_lm", 4), ("fashion_mnist_cnn", 2)):
    subject = catalogue.find(name)
    job = make_job(make_cell(name, parameters=dict(subject.smallest)))
    parameters = subject.parameters_of(job.cell)
    data = subject.dataset(parameters, subject.data_sources[-1], 42).train
    plan = subject.plan(job)
    network = plan.build()
    assert initial_weights.draw(network, 9, strict=True)
    loss = plan.loss() if callable(plan.loss) else plan.loss
    network.compile(optimizer="adamw", loss=loss, jit_compile=keras.backend.backend() == "jax")
    losses = found["losses"][name] = []
    for step in range(steps):
        rows = slice(32 * step, 32 * step + 32)
        losses.append(float(network.train_on_batch(data.inputs[rows], data.targets[rows])))
        network.reset_metrics()
print(json.dumps(found))
"""


def said_by(backend: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found() -> Any:
    """Return what each backend says; all at once, for importing them takes longest."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(BACKENDS, pool.map(said_by, BACKENDS), strict=True))


def test_every_backend_gets_the_same_bytes(found: Any) -> None:
    assert len({tuple(said["digests"]) for said in found.values()}) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_drawn_and_what_begins_as_a_constant(found: Any, backend: str) -> None:
    said = found[backend]
    constants = {"alpha", "beta", "bias", "gamma", "moving_mean", "moving_variance"}
    assert set(said["constant"]) == constants
    kernels = [name.split()[0] for name in said["drawn"]]
    assert {"depthwise_kernel", "embeddings", "kernel", "pointwise_kernel"} < set(kernels)
    assert kernels.count("recurrent_kernel") == 3
    assert len(kernels) == 2 + 2 + 1 + 1 + 4 + 4 + 2 + 1 + 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_seed_decides_and_not_the_names(found: Any, backend: str) -> None:
    said = found[backend]
    assert said["again"]
    assert said["other"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_that_were_loaded_are_kept(found: Any, backend: str) -> None:
    assert found[backend]["kept"]
    assert found[backend]["rest"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_known_is_left_alone_and_said(found: Any, backend: str) -> None:
    odd, unsaid = found[backend]["refused"]
    assert "the distribution of Odd is not known" in odd
    assert "Unsaid does not say how its weight 'gain' is drawn" in unsaid


@pytest.mark.parametrize("backend", BACKENDS)
def test_draws_have_the_distribution_of_kerass_own(found: Any, backend: str) -> None:
    # 120,000 values each: the mean errs by 0.003 deviations, the deviation by 0.2 %, and two
    # samples of one distribution lie 0.006 apart once in twenty times (Kolmogorov and Smirnov).
    for name, (own, ours, distance) in found[backend]["distributions"].items():
        (mean, deviation, least, most), (our_mean, our_deviation, our_least, our_most) = own, ours
        assert our_mean == pytest.approx(mean, abs=0.015 * deviation), name
        assert our_deviation == pytest.approx(deviation, rel=0.01), name
        if name.endswith("uniform"):
            assert our_least == pytest.approx(least, abs=0.01 * deviation), name
            assert our_most == pytest.approx(most, abs=0.01 * deviation), name
        elif name.endswith(("_normal", "truncated")):
            # On PyTorch, Keras's own has about four values in a million beyond the cut.
            assert least - 0.01 * deviation < our_least, name
            assert our_most < most + 0.01 * deviation, name
        assert distance < 0.01, name


def test_first_losses_agree_between_backends(found: Any) -> None:
    for name in ("transformer_lm", "fashion_mnist_cnn"):
        first, *others = (said["losses"][name] for said in found.values())
        for losses in others:
            assert losses == pytest.approx(first, rel=1e-6), name
