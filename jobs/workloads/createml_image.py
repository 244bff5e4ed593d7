"""Image classification by Apple's Create ML on a tenth of Food-101 (Bourke 2021); macOS only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from jobs import scratch
from jobs.capabilities import Capabilities
from jobs.createml import labelled_folders
from jobs.createml import program as createml
from jobs.dataset import in_memory
from jobs.datasets import food101_files
from jobs.datasets.food101 import MOST_TEST, MOST_TRAIN, TEST, TRAIN, food101, pictures
from jobs.errors import UnsupportedError
from jobs.process import peak_memory_bytes
from jobs.result import Measurement
from jobs.spec import Cell, JobSpec, Scalar
from jobs.workload import Clock, Parameters, Workload

OLDEST_MACOS = 11  # that has the initialiser of the training's parameters
SPACE_BYTES = 2 << 30  # where images have to be copied
LEARNING_IMAGES = 256  # from which on an accuracy says something
# Create ML's accuracy on the sample is not published: ten times chance on Food-101; on synthetic
# images, which never were classified by it, as little.
FLOOR = 0.1
NO_CPU = (
    "Create ML lets nobody choose a device, and takes the GPU or the Neural Engine; start a worker "
    "with --device gpu"
)


class CreateMLParameters(Parameters):
    """How many images each part has, a tenth of Food-101 by default, and how long it trains."""

    train_samples: int = Field(
        TRAIN // 10,
        ge=4,
        le=TRAIN,
        description=f"Training images, of every class as many (synthetic: at most {MOST_TRAIN:,}).",
    )
    test_samples: int = Field(
        TEST // 10,
        ge=1,
        le=TEST,
        description=f"Test images, of every class as many (synthetic: at most {MOST_TEST:,}).",
    )
    iterations: int = Field(25, ge=1, le=1_000, description="Iterations of training, at most.")


class CreateMLImage(Workload):
    """MLImageClassifier with every augmentation, from folders of images to a trained classifier.

    A lap is one training: images are read and augmented, their features extracted, and a
    classifier fitted to them, on whatever the framework chooses of CPU, GPU and Neural Engine; so
    a worker that measures the CPU alone does not run it. Folders are made, and the program
    compiled, before it; the test comes after.

    The Swift program follows Apple's documentation and has never been run.
    """

    summary = "Create ML image classifier on a tenth of Food-101; macOS only"
    source = (
        "Bourke 2021, 'Apple's M1 Pro and M1 Max outperform Google Colab by up to 54 %': a random "
        "10 % of every class, 25 iterations and every augmentation as published; the app is "
        "replaced by its framework, with its default network, which Apple does not describe. The "
        "Swift program was written from Apple's documentation and has never been run"
    )
    parameters = CreateMLParameters
    needs = (f"macOS {OLDEST_MACOS} or later", "a Swift compiler (xcode-select --install)")
    backends = ("createml",)
    protocols = ("once",)
    data_pipelines = ("host",)
    optimizer = None
    batched = False
    smallest: ClassVar[dict[str, Scalar]] = {
        "train_samples": 64,
        "test_samples": 16,
        "iterations": 5,
    }

    def __init__(self) -> None:
        self.observed: dict[str, Scalar | None] = {}

    def lacking(self, cell: Cell, has: Capabilities) -> str | None:
        """Return why such a machine cannot run the cell: all but a Mac's GPU, from macOS 11 on."""
        if has.os != "macos":
            return elsewhere(has.os)
        if has.device == "cpu":
            return NO_CPU
        version = has.backends.get("createml", "")
        if version and int(version.partition(".")[0]) < OLDEST_MACOS:
            return f"Create ML trains so from macOS {OLDEST_MACOS} on; that machine runs {version}"
        return super().lacking(cell, has)

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Choose the images, make their folders, compile the program and train once.

        Raises UnsupportedError on another system than macOS, on a worker that measures the CPU, or
        without a Swift compiler; DataMissingError where Food-101 does not lie unpacked; JobError
        when training fails.
        """
        if createml.system() != "macos":
            raise UnsupportedError(elsewhere(createml.system()))
        if os.environ.get("FARM_DEVICE") == "cpu":
            raise UnsupportedError(NO_CPU)
        parameters = CreateMLParameters.model_validate(job.cell.parameters)
        with scratch.folder(scratch.cache() / "createml") as here:
            trained_on, verified = _filled(here, job, parameters)
            began = clock()
            program = createml.compiled(here)
            cold_start_seconds = clock() - began
            trained = createml.train(program, here / "train", here / "test", parameters.iterations)
            total_seconds = clock() - began
        self.observed = {"macos_version": trained.system, "iterations": trained.iterations}
        accuracies = {
            "accuracy": trained.test_accuracy,
            "training_accuracy": trained.training_accuracy,
            "validation_accuracy": trained.validation_accuracy,
        }
        return Measurement(
            lap_seconds=(trained.seconds,),
            warmup_lap_seconds=(),
            warmup_ended="fixed",
            laps_window=(trained.began, trained.ended),
            cold_start_seconds=cold_start_seconds,
            total_seconds=total_seconds,
            samples_per_lap=trained_on,
            steps_per_lap=None,
            samples_per_epoch=trained_on,
            history={},
            test={name: value for name, value in accuracies.items() if value is not None},
            data_verified=verified,
            peak_memory_bytes=peak_memory_bytes(),
        )

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return the least accuracy on the test images; nothing where few were learnt from."""
        samples = CreateMLParameters.model_validate(cell.parameters).train_samples
        return {"accuracy": FLOOR} if samples >= LEARNING_IMAGES else {}

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return the backend, what it extracts features with, and the version of macOS."""
        extractor = "scenePrint(revision: 1)"
        return {"backend": "createml", "feature_extractor": extractor, **self.observed}


def elsewhere(system: str) -> str:
    """Return why a machine with another system cannot run it."""
    return (
        f"Create ML is a framework of macOS, and that machine runs {system}; its portable twin is "
        f"the workload transfer_augmented"
    )


def _filled(here: Path, job: JobSpec, parameters: Any) -> tuple[int, bool | None]:
    """Make the folders `train` and `test`; return how many images train, and are they verified."""
    sizes = {"train": parameters.train_samples, "test": parameters.test_samples}
    if job.cell.data == "synthetic":
        made = food101("synthetic", **sizes, seed=job.seed)
        for name, part in (("train", made.train), ("test", made.test)):
            labelled_folders.of_pictures(here / name, pictures(in_memory(part)))
        return len(made.train), made.verified
    found = food101_files.unpacked()
    if found is None:
        raise food101_files.missing(layouts="unpacked")
    scratch.require_space(here, SPACE_BYTES, "a tenth of Food-101")
    chosen = food101_files.sample(found.train, parameters.train_samples, job.seed)
    labelled_folders.of_files(here / "train", chosen)
    tested = food101_files.sample(found.test, parameters.test_samples, job.seed)
    labelled_folders.of_files(here / "test", tested)
    return len(chosen), found.verified


WORKLOAD = CreateMLImage()
