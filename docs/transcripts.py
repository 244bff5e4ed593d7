"""Run the commands shown in the documents, and put what they print in place of what was there.

    make demo && .venv/bin/python docs/transcripts.py [DOCUMENT ...]

A line ``<!-- run: COMMAND -->`` before a fenced block marks a transcript; the block becomes the
command and its output, run with the demo's results.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"(<!-- run: (?P<command>.+?) -->\n+)```[a-z]*\n.*?```", re.DOTALL)


def transcript(match: re.Match[str]) -> str:
    """Return the marked block with the command's output of now."""
    command = match["command"]
    environment = {
        **os.environ,
        "FARM_HOME": str(ROOT / ".demo"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
    }
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    output = (done.stdout + done.stderr).rstrip()
    return f"{match[1]}```text\n$ {command}\n{output}\n```"


def main() -> None:
    """Rewrite every document that holds a transcript, or those named."""
    named = [Path(name).resolve() for name in sys.argv[1:]]
    for path in named or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        before = path.read_text()
        after = MARK.sub(transcript, before)
        if after != before:
            path.write_text(after)
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
