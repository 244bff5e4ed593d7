"""Exports: footage through one encoder into a file, and whether the file holds what it ought to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import JobError
from jobs.video import ffmpeg
from jobs.video.encoders import Encoder
from jobs.video.ffmpeg import Program
from jobs.video.footage import FRAMES_PER_SECOND, HEIGHT, WIDTH

_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_PSNR = re.compile(r"PSNR .*\baverage:(inf|[\d.]+)")
SAME_DECIBELS = 100.0  # stands for infinity: the decoded frames are those of the footage


@dataclass(frozen=True, kw_only=True)
class Export:
    """One way to write so many frames of the footage into a QuickTime file, without sound."""

    program: Program
    encoder: Encoder
    footage: Path  # one period, as of jobs.video.footage
    output: Path
    seconds: float  # after which ffmpeg is killed, at each start

    def write(self, frames: int) -> None:
        """Encode so many frames from the first on, into a new file; raise JobError when it fails.

        The frames are read from memory, once the footage's file has been read, and brought into the
        encoder's pixel format by ffmpeg.
        """
        threads = ffmpeg.encoder_threads(self.encoder)
        self.output.unlink(missing_ok=True)
        self._run(
            [
                *self.encoder.device,
                *self._source(),
                *("-frames:v", str(frames), "-an", *self.encoder.arguments),
                *("-c:v", self.encoder.name),
                *(() if threads is None else ("-threads", str(threads))),
                *("-f", "mov", str(self.output)),
            ],
            f"encoding {frames} frames with {self.encoder.name}",
        )

    def check(self, frames: int) -> None:
        """Raise JobError unless the file holds so many frames and lasts as long."""
        said = self._run(
            ["-i", str(self.output), "-map", "0:v", "-c", "copy", "-f", "null", "-"],
            f"reading what {self.encoder.name} wrote",
        )
        self._require_frames(said.progress, frames, "holds")
        self._duration(said.log, frames)

    def decode(self, frames: int) -> dict[str, float]:
        """Decode the whole file beside the footage; return what it holds, and how alike they are.

        `frames`, `duration_seconds`, and `psnr_decibels`: the peak signal-to-noise ratio,
        10 log10(255² ÷ mean squared error) over all frames and planes, 100 for equality. Raises
        JobError when a frame does not decode or is missing.
        """
        same_times = f"settb=1/{FRAMES_PER_SECOND},setpts=N"
        graph = f"[0:v]{same_times},format=yuv420p[a];[1:v]{same_times}[b];[a][b]psnr=shortest=1"
        said = self._run(
            [
                *("-xerror", "-err_detect", "explode", "-i", str(self.output)),
                *(*self._source(), "-lavfi", graph, "-f", "null", "-"),
            ],
            f"decoding what {self.encoder.name} wrote",
        )
        self._require_frames(said.progress, frames, "decodes to")
        alike = _PSNR.search(said.log)
        if alike is None:
            raise JobError(
                f"ffmpeg {ffmpeg.version(self.program)} told no PSNR of what it decoded, so the "
                f"output of {self.encoder.name} cannot be checked; put another ffmpeg on the PATH"
            )
        return {
            "frames": float(frames),
            "duration_seconds": self._duration(said.log, frames),
            "psnr_decibels": min(float(alike[1]), SAME_DECIBELS),
        }

    def _source(self) -> list[str]:
        return [
            *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{WIDTH}x{HEIGHT}"),
            *("-framerate", str(FRAMES_PER_SECOND), "-stream_loop", "-1", "-i", str(self.footage)),
        ]

    def _run(self, arguments: list[str], doing: str) -> ffmpeg.Said:
        return ffmpeg.run(self.program, arguments, seconds=self.seconds, doing=doing)

    def _require_frames(self, progress: dict[str, str], frames: int, verb: str) -> None:
        found = progress.get("frame")
        if found != str(frames):
            raise JobError(
                f"the file that {self.encoder.name} wrote {verb} {found or 'no'} frames, and "
                f"{frames} were given to it; the encoder or its driver loses frames on this machine"
            )

    def _duration(self, log: str, frames: int) -> float:
        """Return the file's length, in seconds; raise JobError unless it is that of the frames."""
        expected = frames / FRAMES_PER_SECOND
        told = _DURATION.search(log)
        seconds = None
        if told:
            seconds = int(told[1]) * 3600 + int(told[2]) * 60 + float(told[3])
            if abs(seconds - expected) <= 1 / FRAMES_PER_SECOND:
                return seconds
        raise JobError(
            f"the file that {self.encoder.name} wrote lasts {seconds or 'no'} s, and the "
            f"{frames} frames given to it last {expected:.2f} s"
        )
