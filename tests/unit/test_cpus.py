"""Which CPUs a process may use, and how many threads that makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import HardwareError, UsageError
from workers import cpus
from workers.probes import cgroup


@pytest.fixture
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "usable_cpus", lambda: (0, 1, 2, 3, 4, 5, 6, 9))


@pytest.mark.usefixtures("eight_cpus")
class TestLists:
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("0", (0,)),
            ("0-3,6", (0, 1, 2, 3, 6)),
            (" 6 , 0 - 1 ", (0, 1, 6)),
            ("2,1-3,2", (1, 2, 3)),
            ("9", (9,)),
            ("4-4", (4,)),
        ],
    )
    def test_a_list_is_read(self, text: str, numbers: tuple[int, ...]) -> None:
        assert cpus.parse_cpus(text) == numbers

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("", "'' is neither a number nor a range"),
            ("0,,1", "'' is neither"),
            ("all", "'all' is neither"),
            ("-1", "'-1' is neither"),
            ("1-", "'1-' is neither"),
            ("1-2-3", "'1-2-3' is neither"),
            ("1.5", "'1.5' is neither"),
            ("²", "'²' is neither"),
            ("9" * 5000, "is neither"),
            ("3-0", "the range '3-0' is reversed"),
            ("5-9", "may not use CPU 7-8; it may use 0-6,9"),
            ("10", "may not use CPU 10;"),
            ("0-400000000", "may not use CPU 400000000;"),
        ],
    )
    def test_anything_else_is_refused_with_its_reason(self, text: str, complaint: str) -> None:
        with pytest.raises(UsageError) as caught:
            cpus.parse_cpus(text)
        assert complaint in str(caught.value)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_what_is_written_is_read_again(numbers: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cpus, "usable_cpus", lambda: tuple(range(301)))
        assert cpus.parse_cpus(cpus.format_cpus(numbers)) == tuple(sorted(numbers))


def test_ranges_are_written_short() -> None:
    assert cpus.format_cpus([6, 0, 1, 2, 3, 1]) == "0-3,6"
    assert cpus.format_cpus([]) == ""


def test_without_affinity_all_cpus_are_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert cpus.usable_cpus() == (0, 1, 2)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus.usable_cpus() == (0,)


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("quota", "threads"), [(None, 8), (0.5, 1), (1.0, 1), (2.5, 3), (8.0, 8), (64.0, 8)]
)
def test_threads_follow_affinity_and_quota(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, threads: int
) -> None:
    monkeypatch.setattr(cpus, "cpu_quota_cores", lambda: quota)
    assert cpus.thread_count() == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_pinned_process_counts_one_thread() -> None:
    cpu = cpus.usable_cpus()[-1]
    program = (
        "from workers import cpus\n"
        f"cpus.pin([{cpu}])\n"
        "print(cpus.usable_cpus(), cpus.thread_count())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"({cpu},) 1"


def test_a_refused_pin_says_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _cpus: set[int]) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    with pytest.raises(HardwareError, match=r"refused CPUs 4096 \(Invalid argument\)"):
        cpus.pin([4096])


def test_a_system_without_affinity_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(HardwareError, match="leave --cpus out"):
        cpus.pin([0])


def test_every_backend_is_told_the_threads() -> None:
    environment = cpus.thread_environment(3)
    assert set(environment.values()) == {"3"}
    assert {
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "PJRT_NPROC",
        "NPROC",
    } == set(environment)
    with pytest.raises(ValueError, match="at least 1"):
        cpus.thread_environment(0)


class TestControlGroups:
    @pytest.mark.parametrize(
        ("text", "cores"),
        [("50000 100000", 0.5), ("max 100000", None), ("-1 100000", None), ("", None), ("1", None)],
    )
    def test_a_quota_is_read(self, text: str, cores: float | None) -> None:
        assert cgroup.parse_cpu_max(text) == cores

    def test_the_smallest_limit_on_the_way_up_counts(self, tmp_path: Path) -> None:
        # Given version 2, with limits on a group and on the one above it
        (tmp_path / "self").write_text("0::/pod/box\n")
        box = tmp_path / "root/pod/box"
        box.mkdir(parents=True)
        (box / "cpu.max").write_text("400000 100000\n")
        (box / "memory.max").write_text("max\n")
        (box.parent / "cpu.max").write_text("150000 100000\n")
        (box.parent / "memory.max").write_text("1073741824\n")
        # Then both are found
        where = (tmp_path / "root", tmp_path / "self")
        assert cgroup.cpu_quota_cores(*where) == 1.5
        assert cgroup.memory_limit_bytes(*where) == 1 << 30

    def test_version_1_is_read_where_the_container_sees_only_the_top(self, tmp_path: Path) -> None:
        # Given the host's path in the membership, which is not mounted here
        (tmp_path / "self").write_text(
            "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n1:name=systemd:/docker/0123\n"
        )
        for name in ("cpu,cpuacct", "memory"):
            (tmp_path / "root" / name).mkdir(parents=True)
        cpu, memory = tmp_path / "root/cpu,cpuacct", tmp_path / "root/memory"
        (cpu / "cpu.cfs_quota_us").write_text("200000\n")
        (cpu / "cpu.cfs_period_us").write_text("100000\n")
        (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")
        where = (tmp_path / "root", tmp_path / "self")
        assert cgroup.cpu_quota_cores(*where) == 2.0
        assert cgroup.memory_limit_bytes(*where) is None

    def test_no_control_group_is_no_limit(self, tmp_path: Path) -> None:
        where = (tmp_path / "root", tmp_path / "none")
        assert cgroup.cpu_quota_cores(*where) is None
        assert cgroup.memory_limit_bytes(*where) is None
