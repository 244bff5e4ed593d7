"""The language model: its size, that it sees no later token, and that it learns."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from jobs.datasets.text import ENTROPY_OF_PAIRS, entropy
from jobs.networks import transformer
from jobs.workloads.transformer_lm import TransformerLm, TransformerParameters

pytestmark = pytest.mark.slow

CODE = """
import json
import keras
import numpy as np
from jobs.keras import flops, initial_weights
from jobs.workloads.transformer_lm import TransformerParameters, WORKLOAD
from tests.conftest import make_cell, make_job

def built(**sizes):
    return WORKLOAD.build(TransformerParameters(**sizes))

found = {"precisions": {}}
for of in ({"layers": 2, "width": 32, "heads": 4, "context": 8, "vocabulary": 12}, {}):
    model = built(**of)
    found[f"count {len(of)}"] = model.count_params()
    found[f"flops {len(of)}"] = flops.of_training(model)

small = {"layers": 2, "width": 32, "heads": 4, "context": 8, "vocabulary": 12}
tokens = np.random.RandomState(0).randint(0, 12, size=(3, 8)).astype(np.int32)
later = tokens.copy()
later[:, 5:] = (later[:, 5:] + 1) % 12
model = built(**small)
for weight in model.weights:  # large enough for every token to show
    if weight.name == "kernel":
        weight.assign(10 * weight.value)
one, other = model.predict_on_batch(tokens), model.predict_on_batch(later)
found["earlier"] = float(np.abs(one[:, :5] - other[:, :5]).max())
found["later"] = float(np.abs(one[:, 5:] - other[:, 5:]).max(axis=(0, 2)).min())
swapped = tokens.copy()
swapped[:, [0, 1]] = swapped[:, [1, 0]]
found["order"] = float(np.abs(one[:, 7] - model.predict_on_batch(swapped)[:, 7]).max())

job = make_job(make_cell("transformer_lm", parameters=dict(WORKLOAD.smallest)))
parameters = TransformerParameters(**{**WORKLOAD.smallest, "train_samples": 2048})
plan, data = WORKLOAD.plan(job), WORKLOAD.dataset(parameters, "generated", 42)
found["item"] = [plan.item, plan.items_per_sample]
found["attention"] = WORKLOAD.environment(job.cell)["flash_attention"]
for precision in ("float32", "mixed_bfloat16", "mixed_float16"):
    keras.config.set_dtype_policy(precision)
    layers = 2 if precision == "float32" else 1
    model = WORKLOAD.build(parameters.model_copy(update={"layers": layers}))
    assert initial_weights.draw(model, 1, strict=True)
    model.compile(optimizer="adamw", loss=plan.loss(), metrics=["accuracy"])
    rows = slice(0, 2048 if precision == "float32" else 512)
    epochs = 4 if precision == "float32" else 1
    inputs, targets = data.train.inputs[rows], data.train.targets[rows]
    fitted = model.fit(inputs, targets, batch_size=64, epochs=epochs, verbose=0)
    tested = model.evaluate(data.test.inputs, data.test.targets, verbose=0)
    dtype = keras.backend.standardize_dtype(model(data.test.inputs[:2]).dtype)
    found["precisions"][precision] = [dtype, *fitted.history["loss"], *tested]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> Any:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_weights_and_operations_are_as_many_as_the_formulas_say(found: dict[str, Any]) -> None:
    # By hand, for 2 layers, 32 wide, 8 tokens of 12 kinds: embeddings, blocks, last norm, head.
    block = 2 * 64 + 4 * (32 * 32 + 32) + (32 * 128 + 128) + (128 * 32 + 32)
    assert found["count 5"] == 12 * 32 + 8 * 32 + 2 * block + 64 + 32 * 12
    pairs = 2 * 8 * 8 * 32  # scores, and the sums that they weigh
    assert found["flops 5"] == 6 * (2 * (8 * 12 * 32 * 32 + pairs) + 8 * 32 * 12)
    default = TransformerParameters()
    sizes = {key: getattr(default, key) for key in ("layers", "width", "context", "vocabulary")}
    assert found["count 0"] == transformer.parameter_count(**sizes) == 10_942_464
    assert found["flops 0"] == 3 * transformer.forward_flops(**sizes)
    assert f"{found['count 0']:,} parameters" in TransformerLm.summary


def test_no_logit_depends_on_a_later_token_and_all_on_the_earlier(found: dict[str, Any]) -> None:
    assert found["earlier"] == 0
    assert found["later"] > 1e-3
    assert found["order"] > 1e-3  # of the first two tokens, for the last logit


def test_tokens_are_counted(found: dict[str, Any]) -> None:
    assert found["item"] == ["tokens", 32]
    assert found["attention"] in ("off", "on", "automatic")


def test_it_learns_more_than_pairs_and_never_more_than_there_is(found: dict[str, Any]) -> None:
    dtype, *losses, tested_loss, accuracy = found["precisions"]["float32"]
    assert dtype == "float32"
    assert losses == sorted(losses, reverse=True)
    assert entropy(32) < tested_loss < ENTROPY_OF_PAIRS
    assert accuracy > 0.5


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_halves_learn_alike_and_give_float32_logits(found: dict[str, Any], precision: str) -> None:
    dtype, loss, tested_loss, _ = found["precisions"][precision]
    assert dtype == "float32"
    assert tested_loss < loss < 3.5
