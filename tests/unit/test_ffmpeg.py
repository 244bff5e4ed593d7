"""ffmpeg: where it is found, what is read of what it says, and what becomes of one that misbehaves.

The logs are recorded: see tests/data/ffmpeg.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from jobs.errors import JobError, UnsupportedError
from jobs.video import ffmpeg
from jobs.video.encoders import (
    ENCODERS,
    HARDWARE,
    Codec,
    Device,
    Wanted,
    candidates,
    encoder,
    measured,
    measured_here,
)
from jobs.video.ffmpeg import Program
from tests.fake_ffmpeg import DATA, fake, says
from workers.hardware import Hardware
from workers.service import child_environment


@pytest.fixture(autouse=True)
def nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ffmpeg.VARIABLE, raising=False)


def program(folder: Path, body: str, *, encoders: str = "") -> Program:
    return Program(str(fake(folder, body, encoders=encoders)), "PATH")


def test_what_is_listed_is_read_of_real_output() -> None:
    known = ffmpeg.listed((DATA / "encoders.txt").read_text())
    assert {"libx264", "prores_ks", "h264_nvenc", "h264_qsv", "h264_vaapi", "aac"} <= known
    assert "h264_videotoolbox" not in known
    assert "=" not in known  # of the legend above the table
    assert ffmpeg.listed("nothing of the kind") == frozenset()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("h264_nvenc", "Cannot load libcuda.so.1"),
        ("h264_qsv", "Error creating a MFX session: -9"),
        ("h264_vaapi", "implib-gen: libva-drm.so.2: failed to load library 'libva-drm.so.2'"),
        ("unknown_encoder", "Unknown encoder 'h264_videotoolbox'"),
        ("decode_bad", "P sub_mb_type 5 out of range at 83 12"),
        ("decode_short", "moov atom not found"),
    ],
)
def test_the_reason_is_the_cause_and_not_what_came_of_it(name: str, said: str) -> None:
    assert ffmpeg.reason((DATA / f"{name}.txt").read_text()).startswith(said)


def test_a_silent_failure_has_a_reason_too() -> None:
    assert ffmpeg.reason("") == ffmpeg.reason("[info] fine\n\n") == "it said nothing"


def test_the_variable_goes_before_the_path_and_the_path_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = types.SimpleNamespace(get_ffmpeg_exe=lambda: "/wheel/ffmpeg")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", bundled)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg.find() == Program("/wheel/ffmpeg", "imageio-ffmpeg")
    fake(tmp_path, "exit 0")
    assert ffmpeg.find() == Program(str(tmp_path / "ffmpeg"), "PATH")
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("FARM_FFMPEG", str(fake(own, "exit 0")))
    assert ffmpeg.find() == Program(str(own / "ffmpeg"), "FARM_FFMPEG")


def test_without_any_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)  # importing it fails
    working, refused = ffmpeg.capabilities()
    assert working == ()
    assert refused == {"ffmpeg": f"there is no ffmpeg on this machine: {ffmpeg.REMEDY}"}
    assert ffmpeg.environment()["ffmpeg_version"] is None
    monkeypatch.setenv("FARM_FFMPEG", str(tmp_path / "gone"))
    with pytest.raises(UnsupportedError, match="gone', which is no program"):
        ffmpeg.find()


def test_what_is_no_ffmpeg_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "avconv"
    path.write_text("#!/bin/sh\necho avconv 12\n")
    path.chmod(0o755)
    with pytest.raises(UnsupportedError, match="is not ffmpeg: its first line is 'avconv 12'"):
        ffmpeg.version(Program(str(path), "PATH"))
    path.write_text("#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("FARM_FFMPEG", str(path))
    working, refused = ffmpeg.capabilities()
    assert working == ()
    assert "-encoders did not work" in refused["ffmpeg"]


def test_every_encoder_works_or_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f'case "$*" in *nvenc*) {says("h264_nvenc.txt", 255)} ;; *qsv*) kill -9 $$ ;; esac'
    monkeypatch.setenv("FARM_FFMPEG", str(fake(tmp_path, body)))
    working, refused = ffmpeg.capabilities()
    assert working == ("libx264", "prores_ks", "h264_vaapi")
    assert refused == {
        "h264_videotoolbox": "ffmpeg 7.1 was built without it",
        "prores_videotoolbox": "ffmpeg 7.1 was built without it",
        "h264_nvenc": "Cannot load libcuda.so.1",
        "h264_qsv": "it said nothing",
    }
    assert {*working, *refused} == set(ENCODERS)


def test_an_encoder_that_hangs_is_killed_and_holds_up_no_other(tmp_path: Path) -> None:
    waits = f"for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; done; touch {tmp_path}/ended"
    hangs = program(tmp_path, f'case "$*" in *qsv*) {waits} ;; esac')
    pair = [ENCODERS["h264_qsv"], ENCODERS["libx264"]]
    assert ffmpeg.tried(hangs, pair, seconds=1.0) == {
        "h264_qsv": "it had not encoded one frame after 1 s, and was killed",
        "libx264": None,
    }
    assert not (tmp_path / "ended").exists()


def test_a_trial_asks_for_what_an_export_asks_for(tmp_path: Path) -> None:
    keeps = program(tmp_path, f'echo "$*" >> {tmp_path}/asked; head -c 1 > {tmp_path}/read')
    assert ffmpeg.tried(keeps, [ENCODERS["h264_vaapi"]]) == {"h264_vaapi": None}
    words = (tmp_path / "asked").read_text().split()
    wanted = [*ENCODERS["h264_vaapi"].device, *ENCODERS["h264_vaapi"].arguments, "1920x1080"]
    assert [word for word in wanted if word not in words] == []
    assert words.index("-init_hw_device") < words.index("-i") < words.index("-vf")
    assert (tmp_path / "read").read_bytes() == b"\0"


def test_progress_and_log_of_a_run_are_kept_apart(tmp_path: Path) -> None:
    talks = program(tmp_path, "echo frame=3; echo frame=12; echo out_time=1; echo said so >&2")
    said = ffmpeg.run(talks, ["-i", "x"], seconds=30.0, doing="testing")
    assert said.progress == {"frame": "12", "out_time": "1"}
    assert said.log == "said so\n"


def test_a_run_that_fails_says_what_where_and_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fails = program(tmp_path, says("decode_bad.txt", 183))
    with pytest.raises(JobError) as caught:
        ffmpeg.run(fails, [], seconds=30.0, doing="decoding what libx264 wrote")
    assert str(caught.value) == (
        "ffmpeg 7.1 failed while decoding what libx264 wrote (exit code 183): "
        "P sub_mb_type 5 out of range at 83 12"
    )
    assert "P sub_mb_type 5" in capfd.readouterr().err  # for the tail that the runner keeps
    crashes = program(tmp_path, "kill -SEGV $$")
    with pytest.raises(JobError, match=r"killed by SIGSEGV\): it said nothing"):
        ffmpeg.run(crashes, [], seconds=30.0, doing="testing")


def test_a_run_has_a_deadline(tmp_path: Path) -> None:
    hangs = program(tmp_path, "exec sleep 600")
    with pytest.raises(JobError, match=r"killed after 0\.5 s while testing"):
        ffmpeg.run(hangs, [], seconds=0.5, doing="testing")


def test_the_thread_counts_follow_the_worker_and_then_the_affinity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert ffmpeg.threads() == 4
    told = {name: ffmpeg.encoder_threads(each) for name, each in ENCODERS.items()}
    assert told["libx264"] == 6
    assert told["prores_ks"] == 4
    assert told["h264_nvenc"] is None
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert ffmpeg.encoder_threads(ENCODERS["libx264"]) == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert ffmpeg.threads() == 3


def names(codec: Codec, wanted: Wanted, device: Device) -> list[str]:
    return [each.name for each in candidates(codec, wanted, device)[0]]


@pytest.mark.parametrize(
    ("device", "software", "hardware"),
    [
        ("cpu", ["libx264"], ["h264_videotoolbox", "h264_qsv", "h264_vaapi"]),
        ("cuda", [], ["h264_nvenc"]),
        ("rocm", [], ["h264_vaapi"]),
        ("metal", [], ["h264_videotoolbox"]),
        ("gpu", [], ["h264_videotoolbox", "h264_nvenc", "h264_vaapi"]),
    ],
)
def test_a_device_is_measured_by_its_own_encoders_alone(
    device: Device, software: list[str], hardware: list[str]
) -> None:
    assert names("h264", "software", device) == software
    assert names("h264", "hardware", device) == hardware
    for maker in HARDWARE:
        of_maker = encoder("h264", maker)
        assert of_maker is not None
        assert (names("h264", maker, device) != []) == (of_maker.name in hardware)
    every = {each.name for each in ENCODERS.values() if each.codec == "h264"} - {"libx264"}
    assert {*hardware, *candidates("h264", "hardware", device)[1]} == every


def test_an_encoder_of_another_device_is_left_out_with_the_reason() -> None:
    assert candidates("h264", "software", "cuda")[1] == {
        "libx264": "it computes on the CPU; start a worker with --device cpu"
    }
    assert candidates("h264", "nvenc", "cpu")[1] == {
        "h264_nvenc": "it is part of an NVIDIA GPU, and that worker measures the CPU"
    }
    assert candidates("h264", "qsv", "cuda")[1] == {
        "h264_qsv": "it is part of the CPU's chip, and that worker measures an NVIDIA GPU"
    }


def test_encoders_are_found_by_codec_and_maker() -> None:
    assert names("prores", "hardware", "metal") == ["prores_videotoolbox"]
    assert candidates("prores", "nvenc", "cuda") == ((), {})
    assert encoder("prores", "nvenc") is None


def test_va_api_opens_the_graphics_of_the_device_that_is_measured() -> None:
    opened = {
        device: candidates("h264", "vaapi", device)[0][0].device for device in ("cpu", "rocm")
    }
    assert "vendor_id=0x8086,driver=iHD" in opened["cpu"][1]
    assert "kernel_driver=amdgpu" in opened["rocm"][1]
    for options in opened.values():
        assert options[1].startswith("vaapi=hw:,")
        assert options[2:] == ENCODERS["h264_vaapi"].device[2:] == ("-filter_hw_device", "hw")


def test_what_is_measured_is_told_by_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured("cpu", None) == "cpu"
    assert measured("gpu", "rocm") == "rocm"
    assert measured("gpu", None) == "gpu"
    for api in ("cuda", "rocm", "metal"):
        hardware = Hardware(
            name="a",
            device="gpu",
            device_index=0,
            tags=("a",),
            facts={"gpu_api": api},
            declared=False,
        )
        for name, value in child_environment(hardware).items():
            monkeypatch.setenv(name, value)
        assert measured_here() == api
    monkeypatch.setenv("FARM_DEVICE", "cpu")
    assert measured_here() == "cpu"
