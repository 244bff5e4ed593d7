"""Encoders: what ffmpeg calls each that is measured, and what it is told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Codec: TypeAlias = Literal["h264", "prores"]
Maker: TypeAlias = Literal["software", "videotoolbox", "nvenc", "qsv", "vaapi"]
Wanted: TypeAlias = Literal["software", "hardware", "videotoolbox", "nvenc", "qsv", "vaapi"]

HARDWARE: tuple[Maker, ...] = ("videotoolbox", "nvenc", "qsv", "vaapi")  # in order of preference
CODEC_NAMES = {"h264": "H.264", "prores": "ProRes 422"}
MAKER_NAMES = {
    "software": "the CPU",
    "videotoolbox": "VideoToolbox (macOS)",
    "nvenc": "NVENC (NVIDIA)",
    "qsv": "Quick Sync Video (Intel)",
    "vaapi": "VA-API (AMD and Intel on Linux)",
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


def candidates(codec: Codec, wanted: Wanted) -> tuple[Encoder, ...]:
    """Return the encoders that will do for what is wanted, the preferred first; may be none."""
    makers = HARDWARE if wanted == "hardware" else (wanted,)
    found = (encoder(codec, maker) for maker in makers)
    return tuple(each for each in found if each is not None)
