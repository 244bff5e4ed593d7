"""Video: which ffmpeg is here, and which of its encoders work."""

from __future__ import annotations

import os

from farm.doctor.check import NOT_CHECKED, Check
from jobs.errors import JobError

NAME = "ffmpeg"


def check(seconds: float) -> Check:
    """Say which encoders encode a frame within so many seconds; that is information, no demand."""
    from jobs.video import ffmpeg
    from jobs.video.encoders import ENCODERS

    try:
        program = ffmpeg.find()
        version = ffmpeg.version(program)
        outcomes = ffmpeg.tried(program, ENCODERS.values(), max(1.0, seconds))
    except JobError as error:
        if os.environ.get(ffmpeg.VARIABLE):
            return Check.failed(NAME, error)
        return Check.fine(NAME, f"{NOT_CHECKED}video_export cannot run here: {error}")
    working = [name for name, why in outcomes.items() if why is None]
    can = f"encodes with {', '.join(working)}" if working else "none of its encoders works here"
    return Check.fine(NAME, f"{can} ({version} of {program.origin})")
