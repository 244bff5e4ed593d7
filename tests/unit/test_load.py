"""Whose doing it was that the CPUs were busy, from recorded counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers import load
from workers.load import CpuTime, Load, Reading

STAT = """\
cpu  300 20 100 4000 50 10 20 30 0 0
cpu0 200 10 60 1900 30 4 6 10 5 0
cpu1 100 10 40 2100 20 6 14 20 0 0
intr 12345 0 0
ctxt 999
"""


def reading(at: float, busy: dict[int, float], own: float = 0.0, stolen: float = 0.0) -> Reading:
    cpus = {n: CpuTime(busy_seconds=b, stolen_seconds=stolen) for n, b in busy.items()}
    return Reading(at_seconds=at, cpus=cpus, own_seconds=own)


def seen(**changes: float) -> Load:
    values = {"seconds": 10.0, "busy_seconds": 0.0, "stolen_seconds": 0.0, "own_seconds": 0.0}
    return Load(cpus=int(changes.pop("cpus", 2)), **{**values, **changes})


def test_the_kernels_ticks_become_seconds_and_waiting_for_a_disk_is_idle() -> None:
    cpus = load.parse_stat(STAT, ticks_per_second=100)
    assert cpus == {
        0: CpuTime(busy_seconds=2.8, stolen_seconds=0.1),
        1: CpuTime(busy_seconds=1.7, stolen_seconds=0.2),
    }


def test_an_old_kernel_without_steal_has_none() -> None:
    assert load.parse_stat("cpu0 1 2 3 4\n", 100)[0].stolen_seconds == 0.0


def test_an_idle_machine_with_its_housekeeping_is_quiet() -> None:
    # A job of 10 s on two CPUs, beside which the kernel and Redis took 0.2 s: recorded so here.
    before = reading(100.0, {0: 50.0, 1: 60.0}, own=3.0)
    after = reading(110.0, {0: 59.9, 1: 64.2}, own=3.05)
    quiet = load.between(before, after, cpus=(0, 1), own_seconds=13.85)
    assert quiet.foreign_cores == pytest.approx(0.02)
    assert quiet.noise("while it ran") == ()


def test_a_process_beside_the_job_is_named_with_its_share() -> None:
    before = reading(100.0, {0: 50.0, 1: 60.0})
    after = reading(110.0, {0: 60.0, 1: 64.0})
    noisy = load.between(before, after, cpus=(0, 1), own_seconds=4.3)
    assert noisy.noise("while it ran") == ("other processes used 0.97 of a core while it ran",)


def test_only_the_measured_cpus_count() -> None:
    before = reading(100.0, {0: 50.0, 1: 60.0})
    after = reading(110.0, {0: 55.0, 1: 70.0})
    assert load.between(before, after, cpus=(0,), own_seconds=5.0).noise("then") == ()
    assert load.between(before, after, own_seconds=5.0).noise("then") != ()


def test_several_cores_are_written_as_such() -> None:
    assert seen(busy_seconds=19.0).noise("then") == ("other processes used 1.90 cores then",)


def test_a_job_of_a_few_ticks_is_not_blamed_on_others() -> None:
    # 0.1 s with 40 ms of work that ticks of 10 ms have counted as 60.
    assert seen(seconds=0.1, busy_seconds=0.06, own_seconds=0.04).noise("then") == ()
    assert seen(seconds=0.1, busy_seconds=0.2, own_seconds=0.04).noise("then") != ()


def test_more_cpus_tolerate_more_in_proportion() -> None:
    assert seen(cpus=1, busy_seconds=1.0).disturbed
    assert not seen(cpus=64, busy_seconds=10.0).disturbed
    assert seen(cpus=64, busy_seconds=20.0).disturbed


def test_own_time_that_exceeds_the_ticks_is_not_negative_noise() -> None:
    assert seen(busy_seconds=9.9, own_seconds=10.0).foreign_cores == 0.0


def test_stolen_time_is_told_apart() -> None:
    taken = seen(busy_seconds=8.8, own_seconds=8.8, stolen_seconds=1.2)
    said = "the hypervisor took 12% of the CPU time (steal) while it ran"
    assert taken.noise("while it ran") == (said,)


def test_this_machines_counters_can_be_read() -> None:
    first = load.read()
    second = load.read()
    assert first.cpus
    assert first.cpus.keys() == second.cpus.keys()
    assert load.between(first, second, own_seconds=0.0).cpus == len(first.cpus)


def test_without_linuxs_file_psutil_tells(tmp_path: Path) -> None:
    found = load.read(tmp_path / "none")
    assert found.cpus
    assert any(cpu.busy_seconds > 0 for cpu in found.cpus.values())


def test_threads_of_one_core_are_watched_together(tmp_path: Path) -> None:
    for cpu, siblings in ((0, "0,4"), (1, "1,5"), (2, "2-3")):
        folder = tmp_path / f"cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    assert load.with_siblings([0, 2, 9], tmp_path) == (0, 2, 3, 4, 9)
