"""ffmpeg: where it is, what it says, and which of its encoders work on this machine."""

from __future__ import annotations

import importlib
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from jobs.errors import JobError, UnsupportedError
from jobs.spec import Scalar
from jobs.video.encoders import ENCODERS, Encoder

VARIABLE = "FARM_FFMPEG"
REMEDY = f'pip install "benchfarm[workloads]", or put ffmpeg on the PATH, or name it in {VARIABLE}'
ASK_SECONDS = 10.0  # for the version, or the list of encoders
TRY_SECONDS = 20.0  # for all tries together: a driver that nobody has used since boot takes seconds
TAIL_LINES = 20

# Of a trial: one frame of black, at the size of the footage.
_BLACK = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "1920x1080", "-i", "pipe:0")
_SENDER = re.compile(r"^(\[[^\]]*\]\s*)+")  # `[h264_nvenc @ 0x555cff983000] [error] `
_HARMLESS = re.compile(r"^(\[[^\]]*\]\s*)*\[(warning|info|verbose|debug|trace)\]")


@dataclass(frozen=True)
class Program:
    """An ffmpeg of this machine."""

    path: str
    origin: str  # FARM_FFMPEG, PATH, or imageio-ffmpeg


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an ffmpeg that succeeded has said."""

    progress: dict[str, str] = field(default_factory=dict)  # the last values of -progress
    log: str = ""  # its standard error


def find() -> Program:
    """Return the ffmpeg to use: FARM_FFMPEG's, else the PATH's, else that of imageio-ffmpeg.

    Raises UnsupportedError when there is none.
    """
    if named := os.environ.get(VARIABLE):
        if found := shutil.which(named):
            return Program(found, VARIABLE)
        raise UnsupportedError(f"{VARIABLE} is {named!r}, which is no program; {REMEDY}")
    if found := shutil.which("ffmpeg"):
        return Program(found, "PATH")
    try:
        bundled = importlib.import_module("imageio_ffmpeg")
        return Program(bundled.get_ffmpeg_exe(), "imageio-ffmpeg")
    except (ImportError, RuntimeError):  # RuntimeError: its wheel has no binary for this machine
        raise UnsupportedError(f"there is no ffmpeg on this machine: {REMEDY}") from None


@cache
def version(program: Program) -> str:
    """Return the program's version, as in its first line; raise UnsupportedError if it has none."""
    first = _ask(program, "-version").partition("\n")[0]
    words = first.split()
    if words[:2] != ["ffmpeg", "version"] or len(words) < 3:
        raise UnsupportedError(
            f"{program.path} is not ffmpeg: its first line is {first[:80]!r}; {REMEDY}"
        )
    return words[2]


def listed(said: str) -> frozenset[str]:
    """Return the names in the output of `ffmpeg -encoders`: those built in, whether they work."""
    _, _, table = said.partition("------")
    rows = (line.split() for line in table.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 1 and len(row[0]) == 6)


def reason(log: str) -> str:
    """Return why ffmpeg failed, from its log with levels: the first line of an error, plainly.

    The first names the cause, and those after it only what came of that: `Cannot load libcuda.so.1`
    ends as `Nothing was written into output file`.
    """
    errors = (line for line in log.splitlines() if not _HARMLESS.match(line))
    lines = (_SENDER.sub("", line).strip() for line in errors)
    first = next((line for line in lines if line), "it said nothing")
    return first.rstrip(".")[:300]


def tried(
    program: Program, encoders: Iterable[Encoder], seconds: float = TRY_SECONDS
) -> dict[str, str | None]:
    """Have each encoder encode one frame; return by its name why it cannot, None if it can.

    ffmpeg lists encoders whose hardware is not there, so each is tried, all at the same time, and
    killed when it has not ended in so many seconds.
    """
    wanted = list(encoders)
    known = listed(_ask(program, "-encoders"))
    trials = {each.name: _Trial(program, each) for each in wanted if each.name in known}
    deadline = time.monotonic() + seconds
    outcomes = {name: trial.outcome(deadline, seconds) for name, trial in trials.items()}
    unlisted = f"ffmpeg {version(program)} was built without it"
    return {each.name: outcomes.get(each.name, unlisted) for each in wanted}


def capabilities() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return ffmpeg's names of the encoders that work here, and of each other one why it does not.

    Without a usable ffmpeg no encoder is named, and `ffmpeg` is among those that do not work.
    """
    try:
        outcomes = tried(find(), ENCODERS.values())
    except JobError as error:
        return (), {"ffmpeg": str(error)}
    working = tuple(name for name, why in outcomes.items() if why is None)
    return working, {name: why for name, why in outcomes.items() if why is not None}


def threads() -> int:
    """Return how many CPUs ffmpeg may take: as many as the worker gives, else as it may use.

    ffmpeg and x264 count by the affinity, and know nothing of a container's quota, which is in the
    worker's number. Where there is none, the affinity is.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def encoder_threads(encoder: Encoder) -> int | None:
    """Return how many threads the encoder is told to start; None where it computes on no CPU."""
    if encoder.threads_per_cpu is None:
        return None
    return max(1, math.floor(threads() * encoder.threads_per_cpu))


def environment() -> dict[str, Scalar | None]:
    """Return which ffmpeg is in force and how many CPUs it may take; None where there is none."""
    found: dict[str, Scalar | None] = {"ffmpeg_version": None, "ffmpeg_origin": None}
    try:
        program = find()
        found |= {"ffmpeg_origin": program.origin, "ffmpeg_version": version(program)}
    except JobError:
        pass
    return {**found, "intra_threads": threads()}


def run(program: Program, arguments: Sequence[str], *, seconds: float, doing: str) -> Said:
    """Run ffmpeg to its end, in this process's group, and return what it said.

    Raises JobError when it fails, with `doing` and its own words in the message, or when it has not
    ended after so many seconds; it has then been killed.
    """
    command = [
        *(program.path, "-hide_banner", "-nostdin", "-nostats", "-y"),
        *("-loglevel", "level+info", "-progress", "pipe:1"),
        *("-filter_threads", str(threads()), "-filter_complex_threads", str(threads())),
        *arguments,
    ]
    with tempfile.TemporaryFile() as log:
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise JobError(f"ffmpeg was killed after {seconds:g} s while {doing}") from None
        except OSError as error:
            raise JobError(f"{program.path} cannot be run: {error.strerror}") from error
        words = _read(log)
    if ended.returncode != 0:
        sys.stderr.write("\n".join(words.splitlines()[-TAIL_LINES:]) + "\n")
        raise JobError(
            f"ffmpeg {version(program)} failed while {doing} ({_end(ended.returncode)}): "
            f"{reason(words)}"
        )
    lines = (line.partition("=") for line in ended.stdout.decode(errors="replace").splitlines())
    return Said(progress={name.strip(): value.strip() for name, _, value in lines}, log=words)


class _Trial:
    """An encoder that encodes one frame, into nothing."""

    def __init__(self, program: Program, encoder: Encoder) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by outcome()
        command = [
            *(program.path, "-hide_banner", "-nostats", "-loglevel", "level+error"),
            *(*encoder.device, *_BLACK, "-frames:v", "1"),
            *(*encoder.arguments, "-c:v", encoder.name, "-f", "null", "-"),
        ]
        with Path("/dev/zero").open("rb") as black:
            self._process = subprocess.Popen(
                command, stdin=black, stdout=subprocess.DEVNULL, stderr=self._log
            )

    def outcome(self, deadline: float, seconds: float) -> str | None:
        """Wait until `deadline` (monotonic) at most; return why it failed, None if it did not."""
        with self._log:
            try:
                code = self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                return f"it had not encoded one frame after {seconds:g} s, and was killed"
            return None if code == 0 else reason(_read(self._log))


def _ask(program: Program, question: str) -> str:
    command = [program.path, "-hide_banner", question]
    try:
        said = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnsupportedError(
            f"{program.path} cannot be used ({question} did not work: {error}); {REMEDY}"
        ) from error
    return said.stdout.decode(errors="replace")


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


def _end(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    number = -code
    return f"killed by {signal.Signals(number).name if number in set(signal.Signals) else number}"
