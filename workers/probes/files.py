"""Reading the kernel's small files, of which any may be missing or forbidden."""

from __future__ import annotations

from pathlib import Path


def text(path: Path) -> str | None:
    """Return what the file says, without the space around it; None where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def number(path: Path) -> float | None:
    """Return the one number that the file holds; None where it holds none."""
    try:
        return float(text(path) or "")
    except ValueError:
        return None
