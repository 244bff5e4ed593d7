"""Energy counters: RAPL's, from recorded folders, and what zeus tells, from a stand-in."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from workers import energy
from workers.energy import RaplZone

RANGE_UJ = 262_143_328_850  # of a Xeon


def zone(powercap: Path, number: str, name: str, microjoules: int, **limits: int) -> Path:
    folder = powercap / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(name + "\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    for constraint, microwatts in limits.items():
        (folder / f"{constraint}_power_limit_uw").write_text(f"{microwatts}\n")
    return folder


def add(folder: Path, microjoules: int) -> None:
    counter = folder / "energy_uj"
    counter.write_text(f"{(int(counter.read_text()) + microjoules) % RANGE_UJ}\n")


def test_packages_are_added_up_and_their_parts_are_not_counted_twice(tmp_path: Path) -> None:
    packages = [zone(tmp_path, str(n), f"package-{n}", 1000 * n) for n in range(2)]
    memory = zone(tmp_path, "0:1", "dram", 5)
    cores = zone(tmp_path, "0:0", "core", 5)
    cpu, dram = energy.rapl(tmp_path)
    for folder in packages:
        add(folder, 7_000_000)
    add(memory, 2_000_000)
    add(cores, 6_000_000)
    assert (cpu.part, cpu.kind, cpu.source) == ("cpu", "counter", "RAPL")
    assert cpu.joules() == pytest.approx(14.0)
    assert dram.part == "dram"
    assert dram.joules() == pytest.approx(2.0)


def test_a_counter_that_starts_again_from_zero_goes_on(tmp_path: Path) -> None:
    folder = zone(tmp_path, "0", "package-0", RANGE_UJ - 3_000_000)
    [cpu] = energy.rapl(tmp_path)
    add(folder, 10_000_000)
    assert cpu.joules() == pytest.approx(10.0)
    add(folder, RANGE_UJ - 1)
    assert cpu.joules() == pytest.approx(10.0 + RANGE_UJ / 1e6)


def test_a_counter_that_may_have_filled_up_twice_tells_nothing(tmp_path: Path) -> None:
    now = 0.0
    folder = zone(tmp_path, "0", "package-0", 0, constraint_0=200_000_000, constraint_1=250_000_000)
    counter = RaplZone(folder, clock=lambda: now)
    now = 1000.0  # 250 kJ at most, of 262
    add(folder, 100_000_000)
    assert counter.joules() == pytest.approx(100.0)
    now = 2100.0
    assert counter.joules() is None
    assert counter.joules() is None  # and for good


def test_a_counter_that_may_not_be_read_is_absent(tmp_path: Path) -> None:
    folder = zone(tmp_path, "0", "package-0", 0)
    (folder / "energy_uj").unlink()
    assert energy.rapl(tmp_path) == ()
    assert energy.rapl(tmp_path / "none") == ()


def test_one_package_that_is_missing_makes_the_sum_unknown(tmp_path: Path) -> None:
    zone(tmp_path, "0", "package-0", 0)
    other = zone(tmp_path, "1", "package-1", 0)
    [cpu] = energy.rapl(tmp_path)
    (other / "energy_uj").unlink()
    assert cpu.joules() is None


def install(monkeypatch: pytest.MonkeyPatch, **modules: Any) -> None:
    """Put stand-ins where modules would be; ``a__b`` is the module a.b."""
    for name, members in modules.items():
        dotted = name.replace("__", ".")
        for end in range(1, dotted.count(".") + 1):
            parent = ".".join(dotted.split(".")[:end])
            monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
        module: Any = ModuleType(dotted)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, dotted, module)


def test_amds_counter_is_that_of_the_gpu_which_amd_smi_numbers_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given two GPUs that HIP numbers the other way round
    def gpu(hip: int, millijoules: int) -> SimpleNamespace:
        return SimpleNamespace(
            gpu_index=hip,
            supports_get_total_energy_consumption=lambda: True,
            get_total_energy_consumption=lambda: millijoules,
        )

    gpus = [gpu(0, 1_000), gpu(1, 2_000)]
    install(
        monkeypatch,
        amdsmi={
            "amdsmi_get_processor_handles": lambda: ["first", "second"],
            "amdsmi_get_gpu_enumeration_info": lambda handle: {"hip_id": int(handle == "first")},
        },
        zeus__device__gpu__amd={"AMDGPUs": lambda: SimpleNamespace(gpus=gpus)},
    )
    [counter] = energy.zeus_amd(0)
    assert (counter.part, counter.kind, counter.joules()) == ("gpu", "counter", 2.0)
    [other] = energy.zeus_amd(1)
    assert other.joules() == 1.0
    assert energy.zeus_amd(2) == ()
    gpus[1].supports_get_total_energy_consumption = lambda: False
    assert energy.zeus_amd(0) == ()


def test_apples_figures_are_estimates_of_the_parts_it_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = SimpleNamespace(cpu_total_mj=1500, gpu_mj=4000, dram_mj=None, ane_mj=0)
    chip = SimpleNamespace(get_total_energy_consumption=lambda: told)
    install(monkeypatch, zeus__device__soc={"get_soc": lambda: chip})
    found = {each.part: (each.kind, each.joules()) for each in energy.zeus_apple()}
    assert found == {
        "cpu": ("estimated", 1.5),
        "gpu": ("estimated", 4.0),
        "ane": ("estimated", 0.0),
    }


def test_without_zeus_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeus", None)
    assert energy.zeus_amd(0) == ()
    assert energy.zeus_apple() == ()
