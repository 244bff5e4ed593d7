"""Ready suites: the files beside this one, each used by its name without the suffix."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SAME_AS = {"fashion-mnist": "m2-max-vs-nvidia"}  # a second name → that of the file


def ready_suites() -> dict[str, Path]:
    """Return the file of every ready suite by its name, second names among them, sorted."""
    paths = (Path(str(item)) for item in files(__name__).iterdir() if item.name.endswith(".yaml"))
    found = {path.stem: path for path in paths}
    found |= {second: found[first] for second, first in SAME_AS.items()}
    return dict(sorted(found.items()))
