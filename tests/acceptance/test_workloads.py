"""Workloads of one's own, and work that a machine cannot run, by the real command line."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import NOOP_FOLDER
from tests.live_farm import Farm
from tests.processes import until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_a_file_outside_the_project_goes_through_to_the_matrix(farm: Farm) -> None:
    # Given the file that the documentation shows, a folder with it, and a broken one beside it
    folder = farm.folder / "mine"
    folder.mkdir()
    example = (EXAMPLES / "fashion_mnist_wide.py").read_text()
    (folder / "fashion_mnist_wide.py").write_text(example)
    (folder / "broken.py").write_text("import no_such_library")
    farm.environment["FARM_WORKLOADS"] = f"{NOOP_FOLDER}:{folder}"
    # Then the farm lists it, and names the broken one without stumbling over it
    listed = {each["name"]: each for each in farm.json("workloads", "--json")}
    assert listed["fashion_mnist_wide"] == {
        "name": "fashion_mnist_wide",
        "source": "the farm's documentation",
        "backends": ["tensorflow", "torch", "jax"],
        "needs": [],
        "runnable": True,
        "reason": None,
    }
    assert "broken" not in listed
    # When it is submitted to two workers
    farm.worker("a", "--hardware", "a")
    farm.worker("b", "--hardware", "b")
    farm.present("a", "b")
    suite = """
hardware: all
defaults: {data: synthetic, repeats: 1, lap: 0.05s, budget: 0.2s, warmup: 0.2s}
jobs:
  - {workload: fashion_mnist_wide, batch_size: 64, units: 32, train_samples: 512}
"""
    farm("submit", farm.suite(suite), "--wait")
    # Then its row is in the matrix
    matrix = farm.json("matrix", "--baseline", "a", "--format", "json")
    [row] = matrix["rows"]
    assert row["workload"] == "fashion_mnist_wide"
    assert {cell["status"] for cell in row["cells"].values()} == {"succeeded"}
    assert "fashion_mnist_wide" in farm("matrix", "--baseline", "a")


def test_what_a_machine_cannot_run_is_unsupported_at_once(farm: Farm) -> None:
    # Given a worker that knows a workload less than whoever submits
    farm.worker("a", "--hardware", "a", FARM_WORKLOADS="")
    farm.present("a")
    suite = """
hardware: all
defaults: {data: synthetic, repeats: 2}
jobs:
  - {workload: noop, batch_size: 8}
  - workload: createml_image
  - {workload: mlp, batch_size: 64, precision: tf32}
"""
    # When the suite is submitted, nothing is put into the worker's queue
    run = farm.json("submit", farm.suite(suite), "--json")["run"]
    counts = farm.json("status", run, "--json")
    assert (counts["unsupported"], counts["queued"], counts["running"]) == (6, 0, 0)
    # And each cell says why, and what to do
    matrix = farm.json("matrix", "--format", "json")
    cells = {row["workload"]: row["cells"]["a"] for row in matrix["rows"]}
    assert {cell["status"] for cell in cells.values()} == {"unsupported"}
    assert "FARM_WORKLOADS" in cells["noop"]["reason"]
    assert "macOS" in cells["createml_image"]["reason"]
    assert "precision: float32" in cells["fashion_mnist_mlp"]["reason"]
    assert "measuring" not in farm.log("a")


def test_a_job_is_left_to_the_worker_of_the_hardware_that_can_run_it(farm: Farm) -> None:
    # Given two workers of one hardware, of which one does not know the workload
    farm.worker("without", "--hardware", "a", FARM_WORKLOADS="")
    farm.present("a")
    farm.worker("with", "--hardware", "a")
    until(lambda: len(farm.json("workers", "--json")) == 2)
    suite = "defaults: {data: synthetic, repeats: 2}\njobs: [{workload: noop, batch_size: 8}]"
    # When both take from the same queue
    farm("submit", farm.suite(suite), "--wait")
    # Then every job was measured, by the one
    found = farm.json("show", "--json")
    assert [job["state"] for job in found["jobs"]] == ["succeeded", "succeeded"]
    assert "measuring" not in farm.log("without")
