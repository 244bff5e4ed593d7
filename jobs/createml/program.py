"""Create ML, through a Swift program: found, compiled, run, and its one line of JSON read."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from jobs.errors import JobError, UnsupportedError

PROGRAM = "createml_image.swift"
TAIL_CHARACTERS = 2_000  # of what a program said last


class Trained(BaseModel):
    """What the program says of one training."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    seconds: float = Field(gt=0, lt=math.inf)
    began: float = Field(gt=0, lt=math.inf)  # training did, seconds since the epoch
    ended: float = Field(gt=0, lt=math.inf)
    iterations: int
    training_accuracy: float | None = None  # None: Create ML could not calculate it
    validation_accuracy: float | None = None  # on the part of the training images kept back
    test_accuracy: float | None = None
    system: str  # the version of macOS


def system() -> str:
    """Return linux, macos or windows."""
    return {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)


def compiled(folder: Path) -> Path:
    """Compile the program into the folder and return where it lies.

    Raises UnsupportedError where there is no Swift compiler, JobError when it does not compile.
    """
    command = [*_compiler(), "-O", "-o", str(folder / "createml_image")]
    with resources.as_file(resources.files("jobs.createml") / PROGRAM) as source:
        done = _run([*command, str(source)])
    if done.returncode != 0:
        raise JobError(f"{PROGRAM} does not compile with {command[0]}: {_tail(done)}")
    return folder / "createml_image"


def train(program: Path, training: Path, test: Path, iterations: int) -> Trained:
    """Run the compiled program on two labelled folders.

    Raises JobError when it fails, or says nothing that can be read.
    """
    done = _run([str(program), str(training), str(test), str(iterations)])
    if done.returncode != 0:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise JobError(f"Create ML ended with {ended}: {_tail(done)}")
    said = [line for line in done.stdout.splitlines() if line.startswith("{")]
    try:
        return Trained.model_validate_json(said[-1] if said else "")
    except ValidationError as error:
        what = error.errors()[0]
        field = ".".join(map(str, what["loc"])) or "the line"
        raise JobError(
            f"{PROGRAM} ended well, but its last line of JSON cannot be read ({field}: "
            f"{what['msg']}); it said: {_tail(done)}"
        ) from error


def _compiler() -> list[str]:
    if shutil.which("swiftc"):
        return ["swiftc"]
    if shutil.which("xcrun") and _run(["xcrun", "--find", "swiftc"]).returncode == 0:
        return ["xcrun", "swiftc"]
    raise UnsupportedError(
        "there is no Swift compiler on this Mac, which Create ML is reached with; type: "
        "xcode-select --install"
    )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; the job's deadline, which ends this process's group, is its own."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    text = (done.stderr.strip() or done.stdout.strip())[-TAIL_CHARACTERS:]
    return text or "it said nothing"
