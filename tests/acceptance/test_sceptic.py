"""What a sceptic would try: a device that does not learn, unlike thread counts, a busy machine."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from tests.live_farm import Farm
from workers.cpus import usable_cpus

SMALL = "train_samples: 2048, validation_samples: 64, test_samples: 256"
BURNER = """
import time
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    pass
"""


def test_a_fast_device_that_does_not_learn_is_invalid_and_in_no_mean(farm: Farm) -> None:
    # Given two healthy devices and one on which training leaves the weights as they were
    suite = f"""
hardware: all
defaults: {{data: synthetic, repeats: 2, epochs: 4, {SMALL}}}
jobs:
  - workload: [frozen, mlp]
    batch_size: 32
"""
    farm.worker("healthy", "--hardware", "healthy")
    farm.worker("twin", "--hardware", "twin")
    farm.worker("broken", "--hardware", "broken", NOOP_BROKEN_DEVICE="1")
    farm.present("healthy", "twin", "broken")
    # When all three measure the same cells
    farm("submit", farm.suite(suite), "--wait")
    matrix = farm.json("matrix", "--baseline", "healthy", "--format", "json")
    # Then the cell that was not learnt is invalid, with its number and the reason
    rows = {row["workload"]: row["cells"] for row in matrix["rows"]}
    broken = rows["frozen"]["broken"]
    assert broken["status"] == "invalid"
    assert "did not learn: accuracy" in broken["invalid"]
    assert broken["speedup"] > 0
    # And it is out of the mean, which is that of the other cell alone
    summary = matrix["summary"]["broken"]
    assert (summary["cells"], summary["of"], summary["invalid"]) == (1, 2, 1)
    alone = rows["fashion_mnist_mlp"]["broken"]["speedup"]
    assert math.isclose(summary["geomean"], alone)
    # And nothing is held against the healthy one
    assert [cells["twin"]["invalid"] for cells in rows.values()] == [None, None]
    table = farm("matrix", "--baseline", "healthy")
    assert "did not learn: accuracy" in table


@pytest.mark.alone
@pytest.mark.skipif(len(usable_cpus()) < 2, reason="one CPU cannot be compared with two")
def test_one_core_against_two_has_an_interval_and_the_thread_count_is_named(farm: Farm) -> None:
    one, two = usable_cpus()[:2]
    suite = """
hardware: all
defaults: {data: synthetic, repeats: 3, train_samples: 2048, test_samples: 64, timeout: 5m}
jobs:
  - {workload: cnn, batch_size: 256, budget: 2s, warmup: 1s, lap: 0.4s}
"""
    farm.worker("one", "--hardware", "one", "--cpus", f"{one}")
    farm.worker("two", "--hardware", "two", "--cpus", f"{one},{two}")
    farm.present("one", "two")
    farm("submit", farm.suite(suite), "--wait")
    [row] = farm.json("matrix", "--baseline", "one", "--format", "json")["rows"]
    cell = row["cells"]["two"]
    assert cell["low"] <= cell["speedup"] <= cell["high"]
    assert not cell["within_run"]
    quiet = not any(each["noise"] for each in row["cells"].values())
    if quiet:  # while others compute beside it, no honest interval is narrow
        assert cell["resolved"]
        assert cell["low"] > 1
    assert [each for each in cell["differs"] if "thread count: 2 here, 1 on one" in each]
    assert "thread count" in farm("diff", "one", "two")


@pytest.mark.alone
def test_a_busy_machine_is_named_as_noise(farm: Farm) -> None:
    suite = """
hardware: all
defaults: {data: synthetic, repeats: 1, train_samples: 1024, test_samples: 64}
jobs:
  - {workload: mlp, batch_size: 128, budget: 3s, warmup: 1s, lap: 0.3s}
"""
    cpu = str(usable_cpus()[0])
    pinned = ["taskset", "-c", cpu] if sys.platform == "linux" else []
    burner = subprocess.Popen([*pinned, sys.executable, "-c", BURNER.format(seconds=60)])
    try:
        farm.worker("busy", "--hardware", "busy", "--cpus", cpu, "--patience", "0")
        farm.present("busy")
        farm("submit", farm.suite(suite), "--wait")
    finally:
        burner.kill()
        burner.wait()
    [row] = farm.json("matrix", "--format", "json")["rows"]
    noise = row["cells"]["busy"]["noise"]
    assert any("other processes" in reason for reason in noise), noise
    assert "noisy" in farm("matrix")
