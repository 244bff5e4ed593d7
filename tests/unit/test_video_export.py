"""`video_export` without an encoder: what it lacks and where, what it demands and checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import catalogue
from jobs.capabilities import Capabilities
from jobs.errors import JobError
from jobs.result import Measurement
from jobs.spec import Cell
from jobs.video.encoders import ENCODERS
from jobs.video.exports import Export
from jobs.video.ffmpeg import Program
from tests.conftest import make_cell
from tests.fake_ffmpeg import DATA, fake, says

LINUX = Capabilities(
    os="linux",
    device="cpu",
    backends={"ffmpeg": "7.1"},
    encoders=("libx264", "prores_ks"),
    refused={"h264_nvenc": "Cannot load libcuda.so.1", "h264_qsv": "no session"},
    workloads={"video_export": 1},
)
MAC = LINUX.model_copy(
    update={"encoders": tuple(ENCODERS)[:4], "device": "gpu", "gpu_api": "metal"}
)
NVIDIA = LINUX.model_copy(
    update={
        "encoders": ("libx264", "h264_nvenc"),
        "refused": {},
        "device": "gpu",
        "gpu_api": "cuda",
    }
)


def cell(**parameters: str | int) -> Cell:
    subject = catalogue.find("video_export")
    return make_cell(
        "video_export",
        batch_size=None,
        epochs=None,
        backend="ffmpeg",
        mode="run",
        data="generated",
        optimizer=None,
        protocol="once",
        parameters=subject.parameters.model_validate(parameters).model_dump(),
    )


def lacking(has: Capabilities, **parameters: str | int) -> str | None:
    return catalogue.find("video_export").lacking(cell(**parameters), has)


def test_software_and_hardware_go_where_an_encoder_works() -> None:
    assert lacking(LINUX) is None
    assert lacking(LINUX, codec="prores") is None
    assert lacking(MAC, codec="prores", encoder="hardware") is None
    assert lacking(MAC, codec="prores", encoder="videotoolbox") is None
    assert lacking(NVIDIA, encoder="hardware") is None
    assert lacking(NVIDIA, encoder="nvenc") is None


def test_what_is_missing_is_told_with_the_reason_and_the_remedy() -> None:
    assert lacking(LINUX, encoder="nvenc") == (
        "no NVENC (NVIDIA) encodes H.264 there (h264_nvenc: it is part of an NVIDIA GPU, and that "
        "worker measures the CPU); measure the device that has one"
    )
    assert lacking(NVIDIA, encoder="qsv") == (
        "no Quick Sync Video (Intel) encodes H.264 there (h264_qsv: it is part of the CPU's chip, "
        "and that worker measures an NVIDIA GPU); measure the device that has one"
    )
    all_of_them = lacking(LINUX, encoder="hardware")
    assert all_of_them is not None
    assert all_of_them.startswith("no hardware encoder encodes H.264 there (h264_videotoolbox: ")
    assert "h264_qsv: no session" in all_of_them
    without = LINUX.model_copy(update={"encoders": ("libx264",)})
    assert lacking(without, codec="prores") == (
        "no encoder of ProRes 422 works there (prores_ks: it was not tried); "
        'pip install "benchfarm[workloads]", or put ffmpeg on the PATH, or name it in FARM_FFMPEG'
    )


def test_a_codec_that_a_maker_has_no_encoder_for_is_no_error_of_the_suite() -> None:
    assert lacking(NVIDIA, codec="prores", encoder="nvenc") == (
        "NVENC (NVIDIA) encodes no ProRes 422; take encoder: software, hardware or videotoolbox"
    )


def test_a_cpu_worker_does_not_measure_the_gpus_encoder() -> None:
    cpu = NVIDIA.model_copy(update={"device": "cpu", "gpu_api": None})
    for encoder in ("nvenc", "hardware"):
        assert "part of an NVIDIA GPU, and that worker measures the CPU" in str(
            lacking(cpu, encoder=encoder)
        )
    assert lacking(cpu) is None


@pytest.mark.parametrize("codec", ["h264", "prores"])
@pytest.mark.parametrize("has", [NVIDIA, MAC])
def test_a_gpu_worker_does_not_measure_software(has: Capabilities, codec: str) -> None:
    said = lacking(has.model_copy(update={"encoders": tuple(ENCODERS)}), codec=codec)
    assert said is not None
    assert said.endswith("it computes on the CPU; start a worker with --device cpu")


def test_a_machine_without_ffmpeg_says_so() -> None:
    without = LINUX.model_copy(update={"backends": {}, "encoders": ()})
    assert 'pip install "benchfarm[workloads]"' in str(lacking(without))
    refused = without.model_copy(update={"refused": {"ffmpeg": "there is no ffmpeg"}})
    assert lacking(refused) == "there is no ffmpeg"


def test_frames_and_likeness_are_demanded() -> None:
    subject = catalogue.find("video_export")
    measurement = Measurement(
        lap_seconds=(1.0,),
        warmup_lap_seconds=(),
        cold_start_seconds=0.1,
        total_seconds=1.2,
        samples_per_lap=12,
        steps_per_lap=12,
        samples_per_epoch=12,
        history={},
        test={"frames": 12.0},
    )
    judged = subject.with_floors(cell(frames=12), measurement)
    assert judged.floors == {"frames": 12.0, "psnr_decibels": 25.0}
    assert judged.floors_waived is None


def export(folder: Path, body: str) -> Export:
    return Export(
        program=Program(str(fake(folder, body)), "PATH"),
        encoder=ENCODERS["libx264"],
        footage=folder / "footage.yuv",
        output=folder / "export.mov",
        seconds=30.0,
    )


def recorded(name: str, frames: int) -> str:
    return f"echo frame={frames}; {says(name, 0)}"


def test_the_check_reads_what_ffmpeg_says(tmp_path: Path) -> None:
    whole = export(tmp_path, recorded("decode_ok.txt", 6))
    whole.check(6)
    assert whole.decode(6) == {
        "frames": 6.0,
        "duration_seconds": 0.2,
        "psnr_decibels": 41.976034,
    }


def test_equal_frames_have_a_finite_likeness(tmp_path: Path) -> None:
    log = (DATA / "decode_ok.txt").read_text().replace("average:41.976034", "average:inf")
    (tmp_path / "log").write_text(log)
    equal = export(tmp_path, f"echo frame=6; cat {tmp_path}/log >&2")
    assert equal.decode(6)["psnr_decibels"] == 100.0


@pytest.mark.parametrize("frames", [5, 7])
def test_other_frames_than_were_given_are_an_error(tmp_path: Path, frames: int) -> None:
    wrong = export(tmp_path, recorded("decode_ok.txt", frames))
    with pytest.raises(JobError, match=f"wrote holds {frames} frames, and 6 were given to it"):
        wrong.check(6)
    with pytest.raises(JobError, match=f"wrote decodes to {frames} frames, and 6 were given"):
        wrong.decode(6)


def test_another_length_than_the_frames_have_is_an_error(tmp_path: Path) -> None:
    wrong = export(tmp_path, recorded("decode_ok.txt", 60))
    with pytest.raises(JobError, match=r"lasts 0\.2 s, and the 60 frames given to it last 2\.00"):
        wrong.check(60)


def test_an_output_that_nothing_is_known_of_is_an_error(tmp_path: Path) -> None:
    silent = export(tmp_path, "true")
    with pytest.raises(JobError, match="holds no frames"):
        silent.check(6)
    with pytest.raises(JobError, match="told no PSNR"):
        export(tmp_path, "echo frame=6").decode(6)
    with pytest.raises(JobError, match="lasts no s"):
        export(tmp_path, "echo frame=6; echo '[info] PSNR y:1 average:30.0' >&2").decode(6)


def test_an_export_is_told_its_frames_and_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    asked = export(tmp_path, f'echo "$*" > {tmp_path}/asked')
    asked.output.touch()
    asked.write(90)
    assert not asked.output.exists()  # an older file is never taken for this one
    words = (tmp_path / "asked").read_text()
    for said in (
        "-filter_threads 2",
        f"-framerate 30 -stream_loop -1 -i {tmp_path}/footage.yuv -frames:v 90 -an",
        "-preset medium -profile:v high -b:v 20000000 -g 60 -c:v libx264 -threads 3",
        f"-f mov {tmp_path}/export.mov",
    ):
        assert said in words
