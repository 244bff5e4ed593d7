"""What the command line costs to start, and what it must not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from farm.cli.main import farm

ROOT = Path(__file__).parents[2]
HEAVY = (
    "tensorflow",
    "torch",
    "jax",
    "keras",
    "celery",
    "kombu",
    "sqlalchemy",
    "pydantic",
    "redis",
)


def test_the_command_line_loads_no_heavy_library() -> None:
    code = (
        "import sys, click; from farm.cli.main import farm; context = click.Context(farm); "
        "[farm.get_command(context, verb) for verb in farm.list_commands(context)]; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "package", ["farm.runs.coordinator", "farm.runs.collector", "workers.service"]
)
def test_nothing_but_children_and_templates_loads_an_ml_library(package: str) -> None:
    code = (
        f"import sys, {package}; "
        "print([n for n in ('tensorflow', 'torch', 'jax', 'keras') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_is_in_the_readme() -> None:
    import click

    readme = (ROOT / "README.md").read_text()
    missing = [v for v in farm.list_commands(click.Context(farm)) if f"`farm {v}" not in readme]
    assert missing == []


def test_every_workload_is_in_the_readme() -> None:
    from jobs import catalogue

    readme = (ROOT / "README.md").read_text()
    assert [name for name in catalogue.names() if f"`{name}`" not in readme] == []


def test_no_file_is_long_without_a_reason() -> None:
    long = [
        str(path.relative_to(ROOT))
        for folder in ("farm", "workers", "jobs", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text().splitlines()) > 300 and "300 lines" not in path.read_text()
    ]
    assert long == []
