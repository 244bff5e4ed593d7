"""Does the farm time what a bare Keras script takes? Its protocol `train` against that script.

    python -m tests.benchmarks.fidelity [--pairs 7] [--network cnn|mlp] [--output FILE]

Each round measures the same network on the same arrays three times, each in a process of its own,
in an order that turns from round to round: by the farm, by `bare_keras.py` with the same options of
tf.data, and by `bare_keras.py` with the arrays left to `fit`. A side's time is the median epoch,
the first left out on every side. Prints a table, and writes it to tests/benchmarks/fidelity.md.

The network is `cnn` unless told otherwise. With `mlp` the script's pipeline shows, which takes
every image by itself: 2 to 4 µs an image, where the farm's gathers whole batches in 2.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jobs import catalogue
from jobs.dataset import in_memory
from jobs.datasets import fashion_mnist as data
from jobs.spec import Cell
from tests.conftest import make_job
from workers.hardware import detect
from workers.runner import Runner

SCRIPT = Path(__file__).parent / "bare_keras.py"
TABLE = Path(__file__).parent / "fidelity.md"
SEED = 42
BATCH = 128
SIDES = ("farm", "pipeline", "arrays")
TRAIN = {"mlp": 50_000, "cnn": 4_096}  # images: about a second an epoch on two cores
EPOCHS = 6
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}


def farm_epoch(runner: Runner, network: str) -> float:
    """Return the median epoch that the farm reports, in seconds; it leaves the first out."""
    subject = catalogue.find(network)
    sizes = {"train_samples": TRAIN[network], "validation_samples": 512, "test_samples": 512}
    cell = Cell(
        workload=subject.name,
        workload_version=subject.version,
        batch_size=BATCH,
        epochs=EPOCHS,
        precision="float32",
        backend="tensorflow",
        mode="train",
        data="synthetic",
        optimizer="adam",
        parameters=sizes,
    )
    result = runner.run(make_job(cell, seed=SEED, timeout_seconds=600.0), time.time())
    assert result.measurement is not None, result.error
    return statistics.median(result.measurement.lap_seconds)


def bare_epoch(arrays: Path, network: str, feed: str) -> float:
    """Return the median epoch of the script but for its first, in seconds."""
    command = [sys.executable, str(SCRIPT), str(arrays), network]
    command += [str(BATCH), str(EPOCHS), str(SEED + 1), feed]
    environment = {**os.environ, **QUIET}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        start_new_session=True,  # as the farm's child: Linux shares the CPUs between sessions
    )
    seconds: list[float] = json.loads(done.stdout)
    return statistics.median(seconds[1:])


def write_arrays(folder: Path, network: str) -> Path:
    """Write the arrays that the farm's job makes for itself, for the script to read."""
    made = data.fashion_mnist(
        "synthetic", train=TRAIN[network], validation=512, test=512, seed=SEED
    )
    path = folder / "arrays.npz"
    train, validation = in_memory(made.train), in_memory(made.validation)
    images, labels = validation.inputs, validation.targets
    np.savez(path, x=train.inputs, y=train.targets, val_x=images, val_y=labels)
    return path


def measure(pairs: int, network: str) -> list[dict[str, float]]:
    """Return the seconds of each side, round by round."""
    runner = Runner("bench", detect(device="cpu"), "fork", {**QUIET, "FARM_DEVICE": "cpu"})
    rounds = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            arrays = write_arrays(Path(folder), network)
            for number in range(pairs):
                turn = number % len(SIDES)
                seconds = {}
                for side in SIDES[turn:] + SIDES[:turn]:
                    seconds[side] = (
                        farm_epoch(runner, network)
                        if side == "farm"
                        else bare_epoch(arrays, network, side)
                    )
                print(f"round {number + 1} of {pairs}: {seconds}", file=sys.stderr)
                rounds.append(seconds)
    finally:
        runner.close()
    return rounds


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the ratios' geometric mean: Student's t on their logarithms.

    The quantile is the expansion 26.7.5 of Abramowitz and Stegun, good to 0.001 from 6 degrees on.
    """
    logs = [math.log(ratio) for ratio in ratios]
    z, df = statistics.NormalDist().inv_cdf(0.975), len(logs) - 1
    t = z + (z**3 + z) / (4 * df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * df**3)
    half = t * statistics.stdev(logs) / math.sqrt(len(logs))
    middle = statistics.fmean(logs)
    return math.exp(middle - half), math.exp(middle + half)


def table(rounds: Sequence[dict[str, float]], network: str) -> str:
    """Return what was measured, as Markdown."""
    lines = [
        f"{network.upper()} on {TRAIN[network]:,} synthetic images, batch {BATCH}, {EPOCHS} epochs,"
        f" TensorFlow on {_cores(len(os.sched_getaffinity(0)))}.",
        "Median epoch in seconds, the first left out.",
        "",
        "| round | farm | bare script, same tf.data options | bare script, `fit(x, y)` |"
        " farm ÷ bare | `fit(x, y)` ÷ bare |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    farm = [each["farm"] / each["pipeline"] for each in rounds]
    arrays = [each["arrays"] / each["pipeline"] for each in rounds]
    for number, each in enumerate(rounds):
        times = " | ".join(f"{each[side]:.4f}" for side in SIDES)
        lines.append(f"| {number + 1} | {times} | {farm[number]:.3f} | {arrays[number]:.3f} |")
    lines += ["", _line("The farm over the bare script with the same tf.data options", farm)]
    lines += [
        _line("`fit(x, y)`, with Keras's own pipeline and tf.data's autotuner, over it", arrays)
    ]
    return "\n".join(lines)


def _line(what: str, ratios: Sequence[float]) -> str:
    low, high = interval(ratios)
    return (
        f"- {what}: median ratio {statistics.median(ratios):.3f}, "
        f"95 % interval of the geometric mean {low:.3f} to {high:.3f}."
    )


def _cores(count: int) -> str:
    return f"{count} CPU core" + ("" if count == 1 else "s")


def main(argv: list[str]) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--network", choices=sorted(TRAIN), action="append")
    parser.add_argument("--output", type=Path, default=TABLE)
    asked = parser.parse_args(argv)
    tables = [table(measure(asked.pairs, name), name) for name in asked.network or ["cnn"]]
    heading = "# A bare Keras script against the farm's protocol `train`\n\nMade by"
    heading += " `python -m tests.benchmarks.fidelity`; not typed.\n\n"
    text = heading + "\n\n".join(tables) + "\n"
    asked.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
