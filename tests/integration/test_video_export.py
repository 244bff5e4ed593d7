"""`video_export` with a real ffmpeg: real exports in real children, and outputs that are wrong."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from jobs import catalogue
from jobs.errors import JobError
from jobs.result import Result, Status
from jobs.spec import Cell, Effort
from jobs.video import ffmpeg, footage
from jobs.video.encoders import ENCODERS
from jobs.video.exports import Export
from tests.conftest import make_cell, make_job
from tests.fake_ffmpeg import fake, losing, says
from workers.hardware import detect
from workers.runner import Runner

ONE_LAP = Effort(warmup_seconds=0.0, budget_seconds=0.001)
FRAMES = 6


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give all tests one folder, for the footage in it is large."""
    path = tmp_path_factory.mktemp("farm")
    yield path
    shutil.rmtree(path)


def cell(**parameters: str | int) -> Cell:
    subject = catalogue.find("video_export")
    said = {"content": "camera", "frames": FRAMES, **parameters}
    return make_cell(
        "video_export",
        workload_version=subject.version,
        batch_size=None,
        epochs=None,
        backend="ffmpeg",
        mode="run",
        data="generated",
        optimizer=None,
        protocol="once",
        parameters=subject.parameters.model_validate(said).model_dump(),
    )


CPU = {"FARM_DEVICE": "cpu"}
NVIDIA = {"FARM_DEVICE": "gpu", "JAX_PLATFORMS": "cuda"}  # as a worker tells its children


def run(
    home: Path,
    of: Cell,
    program: str | Path = "",
    timeout_seconds: float = 300.0,
    device: dict[str, str] = CPU,
) -> Result:
    paths = {"FARM_HOME": str(home), "FARM_FFMPEG": str(program)}
    environment = {**paths, "OMP_NUM_THREADS": "2", **device}
    runner = Runner("worker-1", detect(device="cpu"), "fork", environment)
    try:
        job = make_job(of, timeout_seconds=timeout_seconds, effort=ONE_LAP)
        return runner.run(job, time.time())
    finally:
        runner.close()


@pytest.mark.parametrize(
    ("codec", "encoder", "threads"), [("h264", "libx264", 3), ("prores", "prores_ks", 2)]
)
def test_footage_is_exported_and_checked(
    home: Path, codec: str, encoder: str, threads: int
) -> None:
    result = run(home, cell(codec=codec))
    measurement = result.measurement
    assert measurement is not None, result.error
    assert len(measurement.lap_seconds) == 1
    assert (measurement.samples_per_lap, measurement.samples_per_epoch) == (FRAMES, FRAMES)
    assert measurement.item == "video seconds"
    assert measurement.items_per_sample == pytest.approx(1 / 30)
    assert measurement.total_seconds is not None
    assert measurement.cold_start_seconds is not None
    assert measurement.total_seconds > measurement.cold_start_seconds + measurement.lap_seconds[0]
    assert measurement.laps_window is not None
    assert measurement.test["frames"] == FRAMES
    assert measurement.test["duration_seconds"] == pytest.approx(0.2)
    assert measurement.test["psnr_decibels"] > 35
    assert measurement.floors == {"frames": 6.0, "psnr_decibels": 25.0}
    assert result.environment["encoder"] == encoder
    assert result.environment["encoder_threads"] == threads
    assert result.environment["intra_threads"] == 2
    assert result.environment["ffmpeg_version"]
    assert list((home / "cache" / "exports").glob("job-*")) == []


def test_frames_that_an_encoder_loses_are_found(home: Path, tmp_path: Path) -> None:
    program = losing(ffmpeg.find().path, tmp_path, of=FRAMES, kept=FRAMES - 1)
    result = run(home, cell(), program)
    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.message == (
        "the file that libx264 wrote holds 5 frames, and 6 were given to it; the encoder or its "
        "driver loses frames on this machine"
    )


def test_an_encoder_that_does_not_work_is_unsupported(home: Path, tmp_path: Path) -> None:
    program = fake(tmp_path, says("h264_nvenc.txt", 255))
    result = run(home, cell(encoder="nvenc"), program, device=NVIDIA)
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert "h264_nvenc: Cannot load libcuda.so.1" in result.error.message
    assert result.environment["ffmpeg_version"] == "7.1"


@pytest.mark.parametrize(
    ("encoder", "device", "said"),
    [
        ("software", NVIDIA, "libx264: it computes on the CPU; start a worker with --device cpu"),
        ("nvenc", CPU, "part of an NVIDIA GPU, and that worker measures the CPU"),
    ],
)
def test_no_device_encodes_in_anothers_name(
    home: Path, tmp_path: Path, encoder: str, device: dict[str, str], said: str
) -> None:
    # Every encoder of this ffmpeg works, and it says which were tried.
    program = fake(tmp_path, f'echo "$*" >> {tmp_path}/tried')
    result = run(home, cell(encoder=encoder), program, device=device)
    assert result.status is Status.UNSUPPORTED
    assert result.error is not None
    assert said in result.error.message
    assert not (tmp_path / "tried").exists()


def test_hardware_on_a_cpu_is_never_the_gpus(home: Path, tmp_path: Path) -> None:
    fails = f'echo "$*" >> {tmp_path}/tried; exit 1'
    result = run(home, cell(encoder="hardware"), fake(tmp_path, fails))
    assert result.status is Status.UNSUPPORTED
    tried = (tmp_path / "tried").read_text()
    assert "h264_qsv" in tried
    assert "h264_nvenc" not in tried


def test_an_export_dies_with_its_job(home: Path, written: Export, tmp_path: Path) -> None:
    # The trial goes well; the export says who it is and hangs.
    hangs = f'case "$*" in *export.mov*) echo $$ > {tmp_path}/pid; exec sleep 600 ;; esac'
    result = run(home, cell(), fake(tmp_path, hangs), timeout_seconds=10.0)
    assert result.status is Status.TIMED_OUT
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int((tmp_path / "pid").read_text())).wait(30.0)  # TimeoutExpired: it lives


@pytest.fixture(scope="module")
def written(home: Path) -> Export:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_HOME", str(home))
        source = footage.cached("camera")
    export = Export(
        program=ffmpeg.find(),
        encoder=ENCODERS["libx264"],
        footage=source,
        output=home / "export.mov",
        seconds=120.0,
    )
    export.write(FRAMES)
    return export


@pytest.fixture
def export(written: Export, tmp_path: Path) -> Export:
    """Return a real export, whose file the test may spoil."""
    return replace(written, output=Path(shutil.copy(written.output, tmp_path)))


def test_a_damaged_output_is_found(export: Export) -> None:
    export.check(FRAMES)
    whole = bytearray(export.output.read_bytes())
    middle = whole.find(b"mdat") + len(whole) // 3
    damaged = bytes(byte ^ 0x5A for byte in whole[middle : middle + 4000])
    export.output.write_bytes(whole[:middle] + damaged + whole[middle + 4000 :])
    export.check(FRAMES)  # which only counts
    with pytest.raises(JobError, match="failed while decoding what libx264 wrote"):
        export.decode(FRAMES)
    export.output.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JobError, match="failed while reading what libx264 wrote"):
        export.check(FRAMES)


def test_another_picture_than_was_given_is_unlike_it(export: Export, tmp_path: Path) -> None:
    grey = tmp_path / "grey.yuv"
    grey.write_bytes(bytes([16]) * footage.FRAME_BYTES)
    replace(export, footage=grey).write(FRAMES)
    assert export.decode(FRAMES)["psnr_decibels"] < 25.0


def test_the_encoders_of_this_machine_are_tried() -> None:
    working, refused = ffmpeg.capabilities()
    assert {"libx264", "prores_ks"} <= {*working}
    assert {*working, *refused} == set(ENCODERS)
    assert all(refused.values())
