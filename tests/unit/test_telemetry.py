"""What sensors say while a job runs: from a stand-in of NVML, and from recorded folders of /sys."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.fake_nvml import H200, P100, install_nvml
from workers.instruments import Instruments
from workers.nursery import Usage
from workers.probes import nvml
from workers.probes.cpu_sensors import CpuSensors
from workers.probes.sensors import Sample, Sensors
from workers.telemetry import Recorder

__all__ = ["install_nvml"]
USAGE = Usage(cpu_seconds=0.0, peak_bytes=300_000_000)


def opened(install: Callable[..., None], device: dict[str, Any]) -> nvml.NvmlSensors:
    install(device)
    sensors = nvml.opened(0)
    assert sensors is not None
    return sensors


class Looked(Instruments):
    """Instruments that say when they have been asked so many times."""

    def __init__(self, sensors: Sensors, times: int, device: str = "gpu") -> None:
        super().__init__(sensors, device=device, rapl=False)
        self.enough = threading.Event()
        self.left = times
        self.threads: list[str] = []
        self.affinities: list[set[int]] = []
        ask = sensors.sample

        def sample() -> Sample:
            self.left -= 1
            self.threads.append(threading.current_thread().name)
            if hasattr(os, "sched_getaffinity"):
                self.affinities.append(os.sched_getaffinity(0))
            if self.left <= 0:
                self.enough.set()
            return ask()

        sensors.sample = sample  # type: ignore[method-assign]


def record(instruments: Instruments, **options: Any) -> Recorder:
    """Record while a job would run, until enough samples are there."""
    recorder = Recorder(instruments, cpus=(0,), period_seconds=0.01, **options)
    with recorder:
        if isinstance(instruments, Looked):
            assert instruments.enough.wait(20)
    return recorder


def test_nvmls_answers_become_units_people_use(install_nvml: Callable[..., None]) -> None:
    assert opened(install_nvml, P100).sample() == Sample(
        power_watts=180.0,
        utilisation=0.97,
        memory_bytes=1_000_000_000,
        temperature_celsius=70,
        clock_mhz=1189,
        throttle_reasons=("sw_power_cap",),
    )


def test_a_gpu_that_answers_nothing_has_no_zeros(install_nvml: Callable[..., None]) -> None:
    sensors = opened(install_nvml, {})
    assert sensors.sample() == Sample()
    assert sensors.counters() == ()
    assert sensors.foreign_processes() is None
    assert sensors.power_limit_watts() is None
    assert sensors.temperature_limit_celsius() is None


def test_throttle_reasons_are_bits_not_text() -> None:
    assert nvml.reasons(0x0) == nvml.reasons(0x1) == ()
    assert nvml.reasons(0x1 | 0x8 | 0x40) == ("hw_slowdown", "hw_thermal_slowdown")
    assert nvml.reasons(1 << 11) == ("bit_11",)


def test_without_nvml_there_are_no_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert nvml.opened(0) is None


def test_energy_is_the_difference_of_the_counter(install_nvml: Callable[..., None]) -> None:
    # Given an H200 that counts a joule at every question
    counted = iter(range(5_000_000, 10_000_000, 1000))
    device = {**H200, "nvmlDeviceGetTotalEnergyConsumption": lambda: next(counted)}
    instruments = Looked(opened(install_nvml, device), times=6)
    # When it is recorded
    telemetry = record(instruments).telemetry(USAGE, None)
    # Then its energy is the counter's, over the whole time
    assert telemetry is not None
    [energy] = telemetry.energy
    assert (energy.part, energy.kind, energy.source) == ("gpu", "counter", "NVML")
    assert energy.joules == telemetry.samples + 1
    assert telemetry.power_watts == pytest.approx(energy.joules / energy.seconds)
    assert telemetry.samples >= 4
    assert telemetry.peak_device_bytes == 2_000_000_000
    assert telemetry.clock_mhz == telemetry.min_clock_mhz == 1980
    assert telemetry.throttle_reasons == ()
    assert telemetry.peak_host_bytes == 300_000_000


def test_where_the_gpu_counts_nothing_power_is_sampled_and_said_to_be(
    install_nvml: Callable[..., None],
) -> None:
    # Given a P100, which tells 100 W and 200 W in turn
    watts = iter([100_000, 200_000] * 5000)
    device = {**P100, "nvmlDeviceGetPowerUsage": lambda: next(watts)}
    telemetry = record(Looked(opened(install_nvml, device), times=12)).telemetry(USAGE, None)
    assert telemetry is not None
    [energy] = telemetry.energy
    assert (energy.part, energy.kind, energy.source) == ("gpu", "sampled", "NVML")
    assert energy.seconds < telemetry.seconds
    assert 100 < energy.joules / energy.seconds < 200
    assert telemetry.power_watts is not None
    assert 100 < telemetry.power_watts < 200


def test_the_power_of_the_laps_is_that_of_the_samples_within_them(
    install_nvml: Callable[..., None],
) -> None:
    began = time.time()
    recorder = record(Looked(opened(install_nvml, P100), times=6))
    inside = recorder.telemetry(USAGE, (began, time.time()))
    outside = recorder.telemetry(USAGE, (began - 10, began - 5))
    assert inside is not None
    assert inside.laps_power_watts == 180.0
    assert outside is not None
    assert outside.laps_power_watts is None


def test_a_gpu_that_slows_down_for_heat_makes_noise(install_nvml: Callable[..., None]) -> None:
    device = {**H200, "nvmlDeviceGetCurrentClocksEventReasons": 0x4 | 0x20}
    recorder = record(Looked(opened(install_nvml, device), times=3))
    telemetry = recorder.telemetry(USAGE, None)
    assert telemetry is not None
    assert telemetry.throttle_reasons == ("sw_power_cap", "sw_thermal_slowdown")
    assert recorder.noise(None) == (
        "the device slowed itself down while it ran (sw_thermal_slowdown)",
    )


def test_who_has_come_to_the_gpu_meanwhile_is_noise(install_nvml: Callable[..., None]) -> None:
    device = {**H200, "nvmlDeviceGetComputeRunningProcesses": ["somebody"]}
    recorder = record(Looked(opened(install_nvml, device), times=3))
    assert recorder.noise(None) == ("other processes on the GPU when it ended: 1",)


def test_a_cpu_of_which_all_is_measured_is_not_sampled() -> None:
    telemetry = record(Instruments(CpuSensors((0,)), device="cpu", rapl=False)).telemetry(
        USAGE, None
    )
    assert telemetry is not None
    assert telemetry.samples == 0
    assert telemetry.period_seconds is None
    assert telemetry.gpu_utilisation is None
    assert telemetry.clock_mhz is None  # idle before and after says nothing of between


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_the_sampling_thread_keeps_to_the_spare_cpus() -> None:
    ours = os.sched_getaffinity(0)
    spare = {max(ours)}
    instruments = Looked(CpuSensors((0,)), times=5, device="cpu")
    telemetry = record(instruments, spare_cpus=spare).telemetry(USAGE, None)
    assert telemetry is not None
    assert telemetry.samples >= 3
    looked = list(zip(instruments.threads, instruments.affinities, strict=True))
    assert all(cpus == spare for name, cpus in looked if name == "telemetry")
    assert all(cpus == ours for name, cpus in looked if name != "telemetry")
    assert os.sched_getaffinity(0) == ours


def test_a_sensor_that_fails_costs_no_measurement(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Sensors):
        def sample(self) -> Sample:
            raise RuntimeError("told to fail")

    class Counter:
        part, kind, source = "gpu", "counter", "nobody"

        def joules(self) -> float | None:
            raise OSError("told to fail")

    counter: Any = Counter()
    recorder = record(Instruments(Broken(), device="gpu", chip_counters=[counter], rapl=False))
    telemetry = recorder.telemetry(USAGE, None)
    assert telemetry is not None
    assert telemetry.energy == ()
    assert telemetry.temperature_celsius is None
    assert "told to fail" in caplog.text


def test_without_instruments_only_the_cpus_are_read() -> None:
    recorder = Recorder(None, cpus=(0,))
    with recorder:
        pass
    assert recorder.telemetry(USAGE, None) is None
    assert recorder.load(USAGE) is not None


def test_heat_counted_while_it_ran_is_noise() -> None:
    counts = iter([{"core_temperature": 3}, {"core_temperature": 5}])

    class Hot(Sensors):
        def throttle_counts(self) -> dict[str, int]:
            return next(counts)

    recorder = record(Instruments(Hot(), device="cpu", rapl=False))
    telemetry = recorder.telemetry(USAGE, None)
    assert telemetry is not None
    assert telemetry.throttle_reasons == ("core_temperature",)
    assert recorder.noise(None) == (
        "the device slowed itself down while it ran (core_temperature)",
    )
