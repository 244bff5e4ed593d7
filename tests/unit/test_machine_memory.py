"""What the machine tells of its memory: what can be spared, and how often the kernel killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workers import memory


@pytest.fixture
def group(tmp_path: Path) -> dict[str, Path]:
    """A control group of version 2 with a limit, its membership file, and counters."""
    folder = tmp_path / "cgroup" / "farm"
    folder.mkdir(parents=True)
    (folder / "memory.max").write_text("1000000000\n")
    (folder / "memory.current").write_text("700000000\n")
    (folder / "memory.stat").write_text("anon 500000000\ninactive_file 200000000\n")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n")
    (tmp_path / "membership").write_text("0::/farm\n")
    (tmp_path / "vmstat").write_text("nr_free_pages 12345\noom_kill 5\nfoo 1\n")
    return {"root": tmp_path / "cgroup", "membership": tmp_path / "membership"}


def test_kills_are_counted_on_the_machine_and_in_the_group(
    group: dict[str, Path], tmp_path: Path
) -> None:
    assert memory.kills(vmstat=tmp_path / "vmstat", **group) == 7
    assert memory.kills(vmstat=tmp_path / "nothing", **group) == 2
    nothing = tmp_path / "nothing"
    assert memory.kills(vmstat=nothing, root=nothing, membership=nothing) == 0


def test_kills_are_counted_in_a_group_of_version_1(tmp_path: Path) -> None:
    folder = tmp_path / "memory" / "farm"
    folder.mkdir(parents=True)
    (folder / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    (tmp_path / "membership").write_text("4:memory:/farm\n")
    counted = memory.kills(
        vmstat=tmp_path / "nothing", root=tmp_path, membership=tmp_path / "membership"
    )
    assert counted == 4


def test_what_can_be_spared_ends_at_the_groups_limit(group: dict[str, Path]) -> None:
    assert memory.spare_bytes(**group) == 475_000_000  # 1000 - (700 - 200), less a twentieth


def test_without_a_group_the_machines_memory_counts(tmp_path: Path) -> None:
    spare = memory.spare_bytes(root=tmp_path, membership=tmp_path / "nothing")
    assert spare > 1 << 20


def test_what_a_fork_shares_is_told_of_this_process_and_of_none_that_is_gone() -> None:
    if sys.platform == "linux":
        assert memory.shared_bytes(os.getpid()) > 1 << 20
    assert memory.shared_bytes(2**22 + 1) == 0
