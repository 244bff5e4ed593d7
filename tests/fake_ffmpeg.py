"""Stand-ins for ffmpeg: programs that hang, fail, lie, or lose frames."""

from __future__ import annotations

import shlex
from pathlib import Path

DATA = Path(__file__).parent / "data" / "ffmpeg"
VERSION = "ffmpeg version 7.1 Copyright (c) 2000-2024 the FFmpeg developers"


def fake(folder: Path, body: str, *, encoders: str = "") -> Path:
    """Write a program that answers `-version` and `-encoders`, and does `body` for all else."""
    listing = encoders or str(DATA / "encoders.txt")
    path = folder / "ffmpeg"
    path.write_text(
        f"""#!/bin/sh
case " $* " in
*" -version "*) echo {shlex.quote(VERSION)}; exit 0 ;;
*" -encoders "*) cat {shlex.quote(listing)}; exit 0 ;;
esac
{body}
"""
    )
    path.chmod(0o755)
    return path


def says(name: str, code: int) -> str:
    """Return a script's lines that say what was recorded, on standard error, and end so."""
    return f"cat {shlex.quote(str(DATA / name))} >&2; exit {code}"


def losing(real: str, folder: Path, *, of: int, kept: int) -> Path:
    """Write a program that is the real one, but encodes `kept` frames where `of` are wanted."""
    path = folder / "ffmpeg"
    path.write_text(
        f"""#!/usr/bin/env python3
import os, sys
words = sys.argv[1:]
for place, word in enumerate(words):
    if word == "-frames:v" and words[place + 1] == "{of}":
        words[place + 1] = "{kept}"
os.execv({real!r}, [{real!r}, *words])
"""
    )
    path.chmod(0o755)
    return path
