"""Video export: 1080p footage to H.264 or ProRes, in software or by the machine's own encoder."""

from __future__ import annotations

import time
from typing import ClassVar

from pydantic import Field

from jobs import scratch
from jobs.capabilities import Capabilities
from jobs.errors import UnsupportedError
from jobs.result import Measurement
from jobs.spec import Cell, JobSpec, Scalar
from jobs.steady import SteadyLaps
from jobs.video import encoders, ffmpeg, footage
from jobs.video.encoders import CODEC_NAMES, MAKER_NAMES, Codec, Encoder, Wanted
from jobs.video.exports import Export
from jobs.workload import Clock, Parameters, Workload

FIRST_FRAMES = 15  # of the cold start
# A frame of one colour in place of the footage has 10 to 15 dB. libx264 has 71 (screen) and 41
# (camera), prores_ks 35 and 46.
PSNR_DECIBELS = 25.0


class VideoExportParameters(Parameters):
    """What is encoded, into what, and by whom."""

    codec: Codec = Field(
        "h264", description="h264 (High profile, 20 Mbit/s) or prores (ProRes 422, 10 bit)."
    )
    encoder: Wanted = Field(
        "software",
        description="software (libx264, prores_ks on the CPU); hardware, whichever encoder the "
        "device that is measured has; or one of them by name: videotoolbox, nvenc, qsv, vaapi.",
    )
    content: footage.Content = Field(
        "screen", description="screen (text that scrolls) or camera (motion and noise)."
    )
    frames: int = Field(
        1_800, ge=1, le=432_000, description="Frames of 1920 × 1080, 30 of them a second of video."
    )


class VideoExport(Workload):
    """Encodes generated footage with ffmpeg; a lap is one whole export, ffmpeg's start included.

    The footage lies uncompressed in memory (the page cache) before the clock starts, and the output
    is a QuickTime file on the disk of the farm's cache. After each lap, off the clock, its frames
    and its length are checked; the last file is decoded and compared with the footage.

    A worker measures its own device's encoders alone (see `encoders.candidates`): software one of
    `--device cpu`, `hardware` on a GPU that GPU's, and on a CPU those of its chip.

    `precision` says nothing of a codec; it is float32 in every cell.
    """

    aliases = ("video",)
    summary = "1080p footage to H.264 or ProRes, in software or by the machine's own encoder"
    source = (
        "Bourke 2021, exports of a screen recording (4 hours) and a voice-over clip (10 minutes) "
        "from Final Cut Pro: 1080p to H.264 and to ProRes, as published; reconstructed, for Final "
        "Cut Pro cannot be scripted: ffmpeg, the generated footage, its length, and the bit rates"
    )
    parameters = VideoExportParameters
    needs = ("ffmpeg", "an encoder of the codec")
    batched = False
    optimizer = None
    smallest: ClassVar[dict[str, Scalar]] = {"frames": 12}
    backends = ("ffmpeg",)
    data_sources = ("generated",)
    modes = ("run",)
    protocols = ("once",)
    data_pipelines = ("host",)

    def __init__(self) -> None:
        self._observed: dict[str, Scalar | None] = {}  # the encoder that was taken

    def lacking(self, cell: Cell, has: Capabilities) -> str | None:
        """Return why none of the encoders that would do works on a machine with these, or None."""
        if missing := super().lacking(cell, has):
            return missing
        wanted = VideoExportParameters.model_validate(cell.parameters)
        device = encoders.measured(has.device, has.gpu_api)
        possible, elsewhere = encoders.candidates(wanted.codec, wanted.encoder, device)
        if any(each.name in has.encoders for each in possible):
            return None
        return _refusal(wanted, possible, has.refused, elsewhere)

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return how many frames must decode, and how like the footage they must be."""
        frames = VideoExportParameters.model_validate(cell.parameters).frames
        return {"frames": float(frames), "psnr_decibels": PSNR_DECIBELS}

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return the ffmpeg in force, the encoder it took, and that encoder's threads."""
        return {**ffmpeg.environment(), **self._observed}

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Export a few frames, as the cold start, then all of them until the laps are enough.

        Warm-up and laps end by `steady.SteadyLaps`: where one lap is longer than the time for the
        warm-up, there is none, and one lap may be all.
        """
        parameters = VideoExportParameters.model_validate(job.cell.parameters)
        frames = parameters.frames
        program = ffmpeg.find()
        encoder = self._chosen(program, parameters)
        source = footage.cached(parameters.content)
        exports = scratch.cache() / "exports"
        with scratch.folder(exports) as folder:
            scratch.require_space(folder, _most_bytes(parameters), f"the export of {frames} frames")
            export = Export(
                program=program,
                encoder=encoder,
                footage=source,
                output=folder / "export.mov",
                seconds=job.timeout_seconds,
            )
            began = clock()
            first = min(FIRST_FRAMES, frames)
            export.write(first)
            cold_start_seconds = clock() - began
            expected_seconds = cold_start_seconds * frames / first
            laps = SteadyLaps(job.effort, expected_seconds, clock, time.time)
            while not laps.finished:
                laps.start()
                export.write(frames)
                laps.stop()
                export.check(frames)
            test = export.decode(frames)
            total_seconds = clock() - began
        return Measurement(
            **laps.fields,
            cold_start_seconds=cold_start_seconds,
            total_seconds=total_seconds,
            samples_per_lap=frames,
            steps_per_lap=frames,
            samples_per_epoch=frames,
            item="video seconds",
            items_per_sample=1 / footage.FRAMES_PER_SECOND,
            history={},
            test=test,
        )

    def _chosen(self, program: ffmpeg.Program, wanted: VideoExportParameters) -> Encoder:
        """Return the first of the encoders that will do and works; raise UnsupportedError."""
        device = encoders.measured_here()
        possible, elsewhere = encoders.candidates(wanted.codec, wanted.encoder, device)
        outcomes = ffmpeg.tried(program, possible) if possible else {}
        for each in possible:
            if outcomes[each.name] is None:
                self._observed = {
                    "encoder": each.name,
                    "encoder_threads": ffmpeg.encoder_threads(each),
                }
                return each
        refused = {name: why for name, why in outcomes.items() if why is not None}
        raise UnsupportedError(_refusal(wanted, possible, refused, elsewhere))


def _refusal(
    wanted: VideoExportParameters,
    possible: tuple[Encoder, ...],
    refused: dict[str, str],
    elsewhere: dict[str, str],
) -> str:
    """Return in one sentence why there is no such encoder, and what can be taken instead."""
    codec = CODEC_NAMES[wanted.codec]
    if not possible and not elsewhere:
        maker = MAKER_NAMES[wanted.encoder]
        return f"{maker} encodes no {codec}; take encoder: software, hardware or videotoolbox"
    whys = {each.name: refused.get(each.name, "it was not tried") for each in possible} | elsewhere
    told = "; ".join(f"{name}: {why}" for name, why in whys.items())
    if wanted.encoder == "software":
        if elsewhere:
            return told
        return f"no encoder of {codec} works there ({told}); {ffmpeg.REMEDY}"
    what = "hardware encoder" if wanted.encoder == "hardware" else MAKER_NAMES[wanted.encoder]
    return f"no {what} encodes {codec} there ({told}); measure the device that has one"


def _most_bytes(parameters: VideoExportParameters) -> int:
    rate = (
        encoders.H264_BITS_PER_SECOND
        if parameters.codec == "h264"
        else encoders.PRORES_BITS_PER_SECOND
    )
    seconds = parameters.frames / footage.FRAMES_PER_SECOND
    return round(1.5 * rate / 8 * seconds) + (64 << 20)  # an encoder does not keep to it exactly


WORKLOAD = VideoExport()
