"""Asking another program about the machine."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0


def output(program: str, *arguments: str, folder: str | None = None) -> str:
    """Return what the program prints; empty where it is missing, fails to start or takes too long.

    It is looked for on the PATH, then in `folder`. The exit status is not looked at: sysctl and
    amd-smi print all they know and fail over the rest.
    """
    path = shutil.which(program) or (shutil.which(program, path=folder) if folder else None)
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("%s tells nothing: %s", path, error)
        return ""
    return done.stdout.decode("utf-8", errors="replace")
