"""createml_image: elsewhere it says why it cannot run; on a Mac, the program's every way to end.

The Swift compiler is a fake: it "compiles" the Swift program to a script that says what was
recorded, or rather what Apple's documentation lets expect, for no Mac has run it yet.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.capabilities import Capabilities
from jobs.createml import labelled_folders
from jobs.createml import program as createml
from jobs.errors import DataMissingError, JobError, UnsupportedError
from jobs.result import Measurement
from jobs.spec import JobSpec
from jobs.workloads.createml_image import CreateMLImage
from tests.conftest import make_cell, make_job
from tests.food101_archive import CLASSES, write_archive

SAID = {
    "seconds": 12.5,
    "began": 1_700_000_100.5,
    "ended": 1_700_000_113.0,
    "iterations": 25,
    "trainingAccuracy": 0.9,
    "validationAccuracy": 0.6,
    "testAccuracy": 0.55,
    "system": "Version 14.5 (Build 23F79)",
}
CHATTER = "Extracting image features from full data set.\\n{broken\\n"


@pytest.fixture
def workload() -> CreateMLImage:
    subject = CreateMLImage()
    subject.name = "createml_image"
    return subject


@pytest.fixture
def mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this a Mac with a Swift compiler; return the folder that the fake keeps notes in."""
    bin_folder, notes = tmp_path / "bin", tmp_path / "notes"
    bin_folder.mkdir()
    notes.mkdir()
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("FARM_DEVICE", "gpu")
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FARM_HOME", str(tmp_path / "farm"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NOTES", str(notes))
    compiler = bin_folder / "swiftc"
    compiler.write_text(
        '#!/bin/sh\necho "$@" >> "$NOTES/compiled"\n'
        'if [ -e "$NOTES/broken" ]; then echo "error: no such module" >&2; exit 1; fi\n'
        'cp "$NOTES/program" "$3"; chmod +x "$3"\n'
    )
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    program(notes)
    return notes


def program(notes: Path, ending: str = "exit 0", **changes: Any) -> None:
    line = json.dumps({**SAID, **changes})
    (notes / "program").write_text(
        '#!/bin/sh\necho "$3" > "$NOTES/iterations"\n'
        '(cd "$1" && find . -type f | sort) > "$NOTES/train"\n'
        '(cd "$2" && find . -type f | sort) > "$NOTES/test"\n'
        f"printf '{CHATTER}'\ncat <<'END'\n{line}\nEND\n{ending}\n"
    )


def job(subject: CreateMLImage, data: str = "synthetic", **parameters: int) -> JobSpec:
    values = subject.parameters(**{"train_samples": 12, "test_samples": 6, **parameters})
    cell = make_cell(
        "createml_image",
        batch_size=None,
        epochs=None,
        backend="createml",
        data=data,
        optimizer=None,
        protocol="once",
        parameters=values.model_dump(),
    )
    return make_job(cell)


def run(subject: CreateMLImage, data: str = "synthetic", **parameters: int) -> Measurement:
    times = iter(range(0, 1_000, 5))
    return subject.run(job(subject, data, **parameters), lambda: float(next(times)))


def has(os: str, **changes: Any) -> Capabilities:
    values = {"os": os, "device": "gpu", "workloads": {"createml_image": 1}, **changes}
    return Capabilities.model_validate(values)


def test_elsewhere_it_is_unsupported_and_the_twin_is_named(workload: CreateMLImage) -> None:
    said = workload.lacking(job(workload).cell, has("linux"))
    assert said is not None
    assert "a framework of macOS" in said
    assert "runs linux" in said
    assert "transfer_augmented" in said
    with pytest.raises(UnsupportedError, match="a framework of macOS"):
        run(workload)


def test_a_mac_that_is_new_enough_lacks_nothing(workload: CreateMLImage) -> None:
    cell = job(workload).cell
    assert workload.lacking(cell, has("macos", backends={"createml": "14.5"})) is None
    old = workload.lacking(cell, has("macos", backends={"createml": "10.15.7"}))
    assert old is not None
    assert "that machine runs 10.15.7" in old
    assert workload.lacking(cell, has("macos")) is not None


def test_a_worker_that_measures_the_cpu_is_refused(
    workload: CreateMLImage, mac: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = has("macos", device="cpu", backends={"createml": "14.5"})
    said = workload.lacking(job(workload).cell, cpu)
    assert said is not None
    assert "start a worker with --device gpu" in said
    monkeypatch.setenv("FARM_DEVICE", "cpu")
    with pytest.raises(UnsupportedError, match="GPU or the Neural Engine"):
        run(workload)
    assert not (mac / "compiled").exists()


def test_it_is_compiled_once_trained_once_and_tested(workload: CreateMLImage, mac: Path) -> None:
    measurement = run(workload)
    assert measurement.lap_seconds == (12.5,)  # the program's own clock
    assert measurement.laps_window == (1_700_000_100.5, 1_700_000_113.0)  # its training alone
    assert (measurement.cold_start_seconds, measurement.total_seconds) == (5.0, 10.0)
    assert measurement.test == {
        "accuracy": 0.55,
        "training_accuracy": 0.9,
        "validation_accuracy": 0.6,
    }
    assert measurement.epoch_seconds == (12.5,)
    assert measurement.samples_per_epoch == 12
    assert measurement.data_verified is None
    assert len((mac / "compiled").read_text().splitlines()) == 1
    assert "createml_image.swift" in (mac / "compiled").read_text()
    assert (mac / "iterations").read_text() == "25\n"
    assert len((mac / "train").read_text().split()) == 12
    assert len((mac / "test").read_text().split()) == 6
    told = workload.environment(job(workload).cell)
    assert told["macos_version"] == "Version 14.5 (Build 23F79)"


def test_a_sample_of_the_unpacked_archive_is_trained_on(
    workload: CreateMLImage, mac: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataMissingError, match="tar -xzf"):
        run(workload, "real")
    write_archive(tmp_path / "data", train=10, test=5)
    measurement = run(workload, "real")
    names = [line.split("/")[1] for line in (mac / "train").read_text().split()]
    assert sorted(names) == sorted(name for name in CLASSES for _ in range(4))
    assert measurement.samples_per_epoch == 12
    assert measurement.data_verified is False
    first = (mac / "train").read_text()
    run(workload, "real")
    assert (mac / "train").read_text() == first  # the same by the job's seed


def test_what_create_ml_could_not_calculate_is_left_out(workload: CreateMLImage, mac: Path) -> None:
    program(mac, validationAccuracy=None)
    assert set(run(workload).test) == {"accuracy", "training_accuracy"}


@pytest.mark.parametrize(
    ("ending", "changes", "said"),
    [
        ("echo 'Create ML could not train: no images' >&2; exit 1", {}, "code 1: .*no images"),
        ("kill -9 $$", {}, "signal 9"),
        ("exit 0", {"seconds": 0}, "cannot be read .seconds"),
        ("exit 0", {"ended": None}, "cannot be read .ended"),
        ("echo '{}'", {}, "cannot be read"),
    ],
)
def test_whatever_goes_wrong_is_said_with_what_the_program_said_last(
    workload: CreateMLImage, mac: Path, ending: str, changes: dict[str, Any], said: str
) -> None:
    program(mac, ending, **changes)
    with pytest.raises(JobError, match=said):
        run(workload)


def test_a_program_that_does_not_compile_says_what_the_compiler_said(
    workload: CreateMLImage, mac: Path
) -> None:
    (mac / "broken").touch()
    with pytest.raises(JobError, match="does not compile with swiftc: error: no such module"):
        run(workload)


def test_a_mac_without_a_compiler_is_told_how_to_get_one(
    workload: CreateMLImage, mac: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(mac))
    with pytest.raises(UnsupportedError, match="xcode-select --install"):
        run(workload)


def test_few_images_are_asked_no_accuracy_of(workload: CreateMLImage) -> None:
    assert workload.floors(job(workload).cell, 0) == {}
    assert workload.floors(job(workload, train_samples=7_575).cell, 0) == {"accuracy": 0.1}


def test_the_swift_program_is_part_of_the_package_and_says_that_it_was_never_run() -> None:
    text = (resources.files("jobs.createml") / createml.PROGRAM).read_text()
    assert "never run" in text
    training = text.index("try MLImageClassifier(")
    assert text.index("let began = Date()") < training < text.index("let ended = Date()")
    assert text.index("let ended = Date()") < text.index("classifier.evaluation(")
    for option in (".crop", ".rotation", ".blur", ".exposure", ".noise", ".flip"):
        assert option in text
    for field in createml.Trained.model_fields.values():
        assert f"let {field.alias}:" in text


def test_a_picture_as_png_holds_its_pixels() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    file = labelled_folders.png(picture)
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", file[16:24]) == (3, 2)
    at = file.index(b"IDAT")
    (length,) = struct.unpack(">I", file[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(file[at + 4 : at + 4 + length]), np.uint8).reshape(2, 10)
    assert np.array_equal(rows[:, 1:].reshape(2, 3, 3), picture)
    assert not rows[:, 0].any()
    assert file.endswith(struct.pack(">I", zlib.crc32(b"IEND")))
