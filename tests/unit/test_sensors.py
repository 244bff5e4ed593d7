"""Sensors that are files, and which instruments a machine gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_nvml import H200, P100, install_nvml
from workers.hardware import Hardware
from workers.instruments import Instruments, instruments_of
from workers.probes import cpu_sensors
from workers.probes.amdgpu import AmdgpuSensors
from workers.probes.cpu_sensors import CpuSensors
from workers.probes.sensors import EnergyCounter, Sample

__all__ = ["install_nvml"]


def test_amdgpus_files_become_units_people_use(tmp_path: Path) -> None:
    monitor = tmp_path / "0000:c1:00.0/hwmon/hwmon3"
    monitor.mkdir(parents=True)
    files = {
        "gpu_busy_percent": "98",
        "mem_info_vram_used": "17011048448",
        "hwmon/hwmon3/power1_average": "203000000",
        "hwmon/hwmon3/power1_cap": "300000000",
        "hwmon/hwmon3/temp1_input": "61000",
        "hwmon/hwmon3/temp1_crit": "100000",
        "hwmon/hwmon3/freq1_input": "2105000000",
    }
    for name, said in files.items():
        (tmp_path / "0000:c1:00.0" / name).write_text(said + "\n")
    sensors = AmdgpuSensors("0000:C1:00.0", devices=tmp_path)
    assert sensors.sample() == Sample(
        power_watts=203.0,
        utilisation=0.98,
        memory_bytes=17_011_048_448,
        temperature_celsius=61.0,
        clock_mhz=2105.0,
    )
    assert sensors.power_limit_watts() == 300.0
    assert sensors.temperature_limit_celsius() == 100.0
    assert AmdgpuSensors("0000:ff:00.0", devices=tmp_path).sample() == Sample()


def test_the_processors_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_sensors, "_temperatures", list)
    for cpu, kilohertz in ((0, 2_400_000), (1, 3_600_000)):
        for name, said in {
            "cpufreq/scaling_cur_freq": kilohertz,
            "cpufreq/scaling_governor": "powersave",
            "thermal_throttle/core_throttle_count": 3,
            "thermal_throttle/package_throttle_count": 8,
        }.items():
            path = tmp_path / f"cpu{cpu}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{said}\n")
    zone = tmp_path / "powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "constraint_0_power_limit_uw").write_text("45000000\n")
    sensors = CpuSensors((0, 1), system=tmp_path, powercap=tmp_path / "powercap")
    assert sensors.sample() == Sample(clock_mhz=3000.0)
    assert sensors.throttle_counts() == {"core_temperature": 6, "package_temperature": 8}
    assert sensors.power_limit_watts() == 45.0
    assert cpu_sensors.governor((0, 1), tmp_path) == "powersave"
    nothing = CpuSensors((7,), system=tmp_path, powercap=tmp_path / "none")
    assert nothing.sample() == Sample()
    assert nothing.throttle_counts() == {}
    assert nothing.power_limit_watts() is None
    assert cpu_sensors.governor((7,), tmp_path) is None


def test_the_instruments_follow_the_hardware(install_nvml: Callable[..., None]) -> None:
    install_nvml(P100, H200)

    def of(device: Any, index: int | None, **facts: Any) -> Instruments:
        hardware = Hardware(
            name="x", device=device, device_index=index, tags=(), facts=facts, declared=False
        )
        return instruments_of(hardware)

    assert isinstance(of("cpu", None).sensors, CpuSensors)
    second = of("gpu", 1, gpu_api="cuda").sensors
    assert second.power_limit_watts() == 600.0
    amd = of("gpu", 0, gpu_api="rocm", pci_bus_id="0000:c1:00.0").sensors
    assert isinstance(amd, AmdgpuSensors)
    mac = of("gpu", 0, gpu_api="metal", os="macos")
    assert not mac.samples
    counters: tuple[EnergyCounter, ...] = mac.sensors.counters()
    assert counters == ()
