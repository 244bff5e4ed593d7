"""Messages on standard error: wrapped for a terminal, one line each for a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import environment
from tests.terminal import Terminal

NOWHERE = ("workers", "--redis", "redis://127.0.0.1:1/0")


@pytest.mark.parametrize("columns", [60, 80])
def test_a_terminal_gets_lines_that_fit_with_words_and_commands_whole(
    farm_home: Path, columns: int
) -> None:
    shown = Terminal(*NOWHERE, columns=columns, errors_only=True).end()
    first, *rest = shown.splitlines()
    assert first.startswith("farm: Redis at redis://127.0.0.1:1/0 cannot be reached")
    assert len(rest) >= 2
    assert all(len(line) <= columns for line in (first, *rest))
    assert all(line.startswith("  ") and line[2] != " " for line in rest)
    assert "(`farm up`)" in shown
    assert shown.rstrip().endswith("with --redis or FARM_REDIS_URL")


def test_wrong_usage_is_wrapped_as_well(farm_home: Path) -> None:
    shown = Terminal("frobnicate", errors_only=True).end()
    assert "there is no command 'frobnicate'" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "\n\nError: " in shown


def test_a_pipe_gets_one_line(farm_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "farm", *NOWHERE],
        env={**environment(), "COLUMNS": "40"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("farm: Redis at")
    assert line.endswith("FARM_REDIS_URL")
