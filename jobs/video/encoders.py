"""Encoders: what ffmpeg calls each that is measured, what it is told, and part of what it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Codec: TypeAlias = Literal["h264", "prores"]
Maker: TypeAlias = Literal["software", "videotoolbox", "nvenc", "qsv", "vaapi"]
Wanted: TypeAlias = Literal["software", "hardware", "videotoolbox", "nvenc", "qsv", "vaapi"]
# What a worker measures: the CPU, or a GPU by what reaches it; gpu where nothing says which.
Device: TypeAlias = Literal["cpu", "cuda", "rocm", "metal", "gpu"]

HARDWARE: tuple[Maker, ...] = ("videotoolbox", "nvenc", "qsv", "vaapi")  # in order of preference
CODEC_NAMES = {"h264": "H.264", "prores": "ProRes 422"}
MAKER_NAMES = {
    "software": "the CPU",
    "videotoolbox": "VideoToolbox (macOS)",
    "nvenc": "NVENC (NVIDIA)",
    "qsv": "Quick Sync Video (Intel)",
    "vaapi": "VA-API (AMD and Intel on Linux)",
}
PART_OF: dict[Maker, tuple[Device, ...]] = {  # see `candidates`
    "software": ("cpu",),
    "videotoolbox": ("metal", "cpu"),
    "nvenc": ("cuda",),
    "qsv": ("cpu",),
    "vaapi": ("rocm", "cpu"),
}
_OWNERS: dict[Device, str] = {
    "cpu": "the CPU's chip",
    "cuda": "an NVIDIA GPU",
    "rocm": "an AMD GPU",
    "metal": "a Mac's chip",
    "gpu": "a GPU",
}
# Of several GPUs VA-API opens the first, whosever it is. ffmpeg before 6.1 does not know vendor_id;
# there, Intel's driver fails with another's GPU. Quick Sync looks for Intel's by itself.
_VAAPI_DEVICES: dict[Device, str] = {
    "cpu": "vaapi=hw:,connection_type=drm,vendor_id=0x8086,driver=iHD",
    "rocm": "vaapi=hw:,connection_type=drm,kernel_driver=amdgpu",
}
# An encoder left to itself takes its own bit rate (VideoToolbox 0.2, NVENC 2, x264 whatever its
# quality needs) and group of pictures, which is not the same work. ProRes is a bit rate in itself.
H264_BITS_PER_SECOND = 20_000_000
PRORES_BITS_PER_SECOND = 147_000_000  # of 422 at 1080p and 30 frames a second, as Apple states it
_H264 = ("-profile:v", "high", "-b:v", str(H264_BITS_PER_SECOND), "-g", "60")
_PRORES = ("-profile:v", "standard")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder of ffmpeg's."""

    name: str  # ffmpeg's
    codec: Codec
    maker: Maker
    device: tuple[str, ...] = ()  # arguments that open a device, before the input
    arguments: tuple[str, ...]  # what the encoder itself is told
    threads_per_cpu: float | None = None  # None: it computes on no CPU


ENCODERS = {
    each.name: each
    for each in (
        Encoder(
            name="libx264",
            codec="h264",
            maker="software",
            arguments=("-pix_fmt", "yuv420p", "-preset", "medium", *_H264),
            threads_per_cpu=1.5,  # as x264 itself chooses
        ),
        Encoder(
            name="prores_ks",
            codec="prores",
            maker="software",
            arguments=("-pix_fmt", "yuv422p10le", *_PRORES),
            threads_per_cpu=1.0,
        ),
        # Without -allow_sw 0 macOS may encode on the CPU in the hardware's name.
        Encoder(
            name="h264_videotoolbox",
            codec="h264",
            maker="videotoolbox",
            arguments=("-pix_fmt", "nv12", "-allow_sw", "0", *_H264),
        ),
        Encoder(
            name="prores_videotoolbox",
            codec="prores",
            maker="videotoolbox",
            arguments=("-pix_fmt", "p210le", "-allow_sw", "0", *_PRORES),
        ),
        Encoder(
            name="h264_nvenc",
            codec="h264",
            maker="nvenc",
            arguments=("-pix_fmt", "yuv420p", *_H264),
        ),
        Encoder(
            name="h264_qsv",
            codec="h264",
            maker="qsv",
            arguments=("-pix_fmt", "nv12", *_H264),
        ),
        Encoder(
            name="h264_vaapi",
            codec="h264",
            maker="vaapi",
            device=("-init_hw_device", "vaapi=hw", "-filter_hw_device", "hw"),
            arguments=("-vf", "format=nv12,hwupload", *_H264),
        ),
    )
}


def encoder(codec: Codec, maker: Maker) -> Encoder | None:
    """Return the encoder of that codec by that maker; None where there is none."""
    found = (each for each in ENCODERS.values() if (each.codec, each.maker) == (codec, maker))
    return next(found, None)


def measured(device: str | None, gpu_api: str | None) -> Device:
    """Return what a worker of this device (cpu or gpu) and API (cuda, rocm, metal) measures."""
    if device != "gpu":
        return "cpu"
    known: dict[str | None, Device] = {"cuda": "cuda", "rocm": "rocm", "metal": "metal"}
    return known.get(gpu_api, "gpu")


def measured_here() -> Device:
    """Return what the worker that started this process measures, by the variables it sets.

    Of those, JAX_PLATFORMS is the one that names the GPU's API.
    """
    return measured(os.environ.get("FARM_DEVICE"), os.environ.get("JAX_PLATFORMS", "").lower())


def candidates(
    codec: Codec, wanted: Wanted, device: Device
) -> tuple[tuple[Encoder, ...], dict[str, str]]:
    """Return the encoders that will do where `device` is measured, and why the others will not.

    The first: the preferred first; may be none. The second: by ffmpeg's name.

    An encoder is measured as part of the device that it is part of, so that no time stands in
    another's column. NVENC is part of the NVIDIA GPU, and VA-API with AMD's driver of the AMD GPU.
    Software runs on the CPU. Intel's graphics lie on the CPU's chip, and no worker measures them as
    a GPU: Quick Sync, and VA-API with Intel's driver, go with the CPU. (Those of an Intel graphics
    card do so too: nothing tells them apart.) An Apple chip is CPU, GPU and media engine in one, so
    VideoToolbox goes with either.
    """
    makers = HARDWARE if wanted == "hardware" else (wanted,)
    here: list[Encoder] = []
    elsewhere: dict[str, str] = {}
    for each in (encoder(codec, maker) for maker in makers):
        if each is None:
            continue
        owners = PART_OF[each.maker]
        if device in owners or (device == "gpu" and owners[0] != "cpu"):
            here.append(_opened(each, device))
        elif each.maker == "software":
            elsewhere[each.name] = "it computes on the CPU; start a worker with --device cpu"
        else:
            part, this = _OWNERS[owners[0]], "the CPU" if device == "cpu" else _OWNERS[device]
            elsewhere[each.name] = f"it is part of {part}, and that worker measures {this}"
    return tuple(here), elsewhere


def _opened(encoder: Encoder, device: Device) -> Encoder:
    """Return the encoder with arguments that open the measured device, where it needs any."""
    if encoder.maker != "vaapi" or device not in _VAAPI_DEVICES:
        return encoder
    options = (_VAAPI_DEVICES[device] if each == "vaapi=hw" else each for each in encoder.device)
    return replace(encoder, device=tuple(options))
