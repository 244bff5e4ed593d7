"""How long a job waits for a quiet machine, and what is said of one that is not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_nvml import H200, install_nvml
from workers import load, preflight
from workers.hardware import Hardware
from workers.load import CpuTime, Reading
from workers.preflight import Look, Preflight
from workers.probes import nvml, power
from workers.probes.sensors import Sample, Sensors

__all__ = ["install_nvml"]
BUSY = ("the machine is busy",)
GPU = Hardware(name="h200", device="gpu", device_index=0, tags=(), facts={}, declared=False)


class Machine:
    """A machine that becomes quiet at some time, and a clock that moves when somebody sleeps."""

    def __init__(self, quiet_at: float, patience: float = 30.0) -> None:
        self.now, self.quiet_at = 0.0, quiet_at
        self.preflight = Preflight(
            self.look, patience_seconds=patience, sleep=self.sleep, clock=lambda: self.now
        )

    def look(self) -> tuple[str, ...]:
        self.now += 0.25
        return BUSY if self.now < self.quiet_at else ()

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_quiet_machine_is_not_waited_for() -> None:
    machine = Machine(quiet_at=0.0)
    assert machine.preflight.clear() == ()
    assert machine.now == 0.25


def test_it_waits_until_the_machine_is_quiet_and_says_once_for_what(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine(quiet_at=12.0)
    with caplog.at_level(logging.INFO, logger="workers.preflight"):
        assert machine.preflight.clear() == ()
    assert 12 <= machine.now < 14
    assert [record.getMessage() for record in caplog.records] == [
        "waiting up to 30 s: the machine is busy"
    ]


def test_at_the_end_of_its_patience_it_says_why_it_is_noisy() -> None:
    machine = Machine(quiet_at=1e9)
    assert machine.preflight.clear() == BUSY
    assert 30 <= machine.now < 32


def test_a_machine_that_stays_busy_is_waited_for_once_until_it_was_quiet() -> None:
    machine = Machine(quiet_at=40.0)
    assert machine.preflight.clear() == BUSY  # waits in vain
    given_up_at = machine.now
    assert machine.preflight.clear() == BUSY  # waits no more, and marks all the same
    assert machine.now == given_up_at + 0.25
    machine.now = 50.0
    assert machine.preflight.clear() == ()
    machine.quiet_at = 60.0
    assert machine.preflight.clear() == ()  # and waits again
    assert machine.now >= 60


def test_without_patience_it_never_waits() -> None:
    machine = Machine(quiet_at=1e9, patience=0.0)
    assert machine.preflight.clear() == BUSY
    assert machine.now == 0.25


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make the CPUs of this machine busy by so many cores during the look, and nothing else."""
    monkeypatch.setattr(power, "on_mains", lambda **_: None)
    monkeypatch.setattr(power, "power_mode", lambda: None)
    monkeypatch.setattr(power, "speed_limit", lambda: None)

    def use(cores: float) -> None:
        times = iter(range(1000))

        def read() -> Reading:
            at = 0.25 * next(times)
            cpus = {0: CpuTime(busy_seconds=at * cores, stolen_seconds=0.0)}
            return Reading(at_seconds=at, cpus=cpus, own_seconds=0.0)

        monkeypatch.setattr(load, "read", read)

    use(0.0)
    return use


def look_at(sensors: Sensors) -> tuple[str, ...]:
    return Look(GPU, sensors, (0,), sleep=lambda _: None)()


def test_a_busy_cpu_is_seen_and_an_idle_one_is_not(readings: Callable[[float], None]) -> None:
    readings(0.1)
    assert look_at(Sensors()) == ()
    readings(0.96)
    assert look_at(Sensors()) == ("other processes used 0.96 of a core before it began",)


def test_a_gpu_that_somebody_computes_on_is_seen(
    readings: Callable[[float], None], install_nvml: Callable[..., None]
) -> None:
    device: dict[str, Any] = {**H200, "nvmlDeviceGetComputeRunningProcesses": [1, 2]}
    install_nvml(device)
    sensors = nvml.opened(0)
    assert sensors is not None
    assert look_at(sensors) == ("other processes on the GPU before it began: 2",)
    device["nvmlDeviceGetComputeRunningProcesses"] = []
    assert look_at(sensors) == ()


def gpu(**changes: Any) -> Sensors:
    """A GPU whose successive samples are given, the last for ever."""

    class Scripted(Sensors):
        def __init__(self) -> None:
            self.samples: Iterator[Sample] = iter(changes["samples"])
            self.last = Sample()

        def sample(self) -> Sample:
            self.last = next(self.samples, self.last)
            return self.last

        def temperature_limit_celsius(self) -> float | None:
            return 90.0

    return Scripted()


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (Sample(utilisation=0.42), "the GPU was 42% busy before it began"),
        (
            Sample(temperature_celsius=88),
            "the GPU was hot before it began: 88 °C, and it slows down at 90 °C",
        ),
        (
            Sample(throttle_reasons=("hw_thermal_slowdown", "sw_power_cap")),
            "the GPU had slowed itself down before it began (hw_thermal_slowdown)",
        ),
    ],
)
def test_a_gpu_that_is_not_ready_says_why(
    readings: Callable[[float], None], sample: Sample, said: str
) -> None:
    assert look_at(gpu(samples=[sample])) == (said,)


def test_utilisation_that_was_our_own_last_jobs_is_asked_again(
    readings: Callable[[float], None],
) -> None:
    slept: list[float] = []
    sensors = gpu(samples=[Sample(utilisation=0.9), Sample(utilisation=0.0)])
    assert Look(GPU, sensors, (0,), sleep=slept.append)() == ()
    assert slept == [preflight.LOOK_SECONDS, preflight.PAUSE_SECONDS]


def test_a_processor_whose_throttle_count_rises_is_seen(readings: Callable[[float], None]) -> None:
    counts = iter([{"core_temperature": 7}, {"core_temperature": 9}])

    class Hot(Sensors):
        def throttle_counts(self) -> dict[str, int]:
            return next(counts)

    assert look_at(Hot()) == ("the GPU had slowed itself down before it began (core_temperature)",)


def test_battery_low_power_and_a_speed_limit_are_said(
    readings: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "on_mains", lambda **_: False)
    monkeypatch.setattr(power, "power_mode", lambda: "low power")
    monkeypatch.setattr(power, "speed_limit", lambda: 0.61)
    assert look_at(Sensors()) == (
        "the machine ran on battery",
        "the machine was in its low-power mode",
        "macOS had limited the processor to 61% of its speed",
    )


def test_a_look_is_short() -> None:
    assert preflight.LOOK_SECONDS <= 0.3


def supply(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir(parents=True)
    for file, said in files.items():
        (folder / name / file).write_text(said + "\n")


def test_a_battery_that_discharges_is_no_mains(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="0")
    supply(tmp_path, "BAT0", type="Battery", status="Discharging", scope="System")
    assert power.on_mains(virtual=False, supplies=tmp_path) is False


def test_a_plugged_charger_is_mains_and_a_mouses_battery_is_nothing(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains", online="1")
    supply(tmp_path, "mouse", type="Battery", status="Discharging", scope="Device")
    assert power.on_mains(virtual=None, supplies=tmp_path) is True


def test_without_any_supply_only_a_real_machine_is_known_to_be_on_mains(tmp_path: Path) -> None:
    assert power.on_mains(virtual=False, supplies=tmp_path) is True
    assert power.on_mains(virtual=True, supplies=tmp_path) is None
    assert power.on_mains(virtual=None, supplies=tmp_path) is None


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("Currently in use:\n standby              1\n lowpowermode         1\n", "low power"),
        (" lowpowermode         0\n sleep 1 (sleep prevented by sharingd)\n", "automatic"),
        (" powermode            2\n lowpowermode 0\n", "high power"),
        ("", None),
    ],
)
def test_macos_power_modes_are_read(said: str, mode: str | None) -> None:
    assert power.parse_power_mode(said) == mode


def test_linuxs_platform_profile_is_read(tmp_path: Path) -> None:
    profile = tmp_path / "platform_profile"
    assert power.power_mode(profile) is None
    profile.write_text("low-power\n")
    assert power.power_mode(profile) == power.LOW_POWER
    profile.write_text("balanced\n")
    assert power.power_mode(profile) == "balanced"


def test_macos_speed_limit_is_read() -> None:
    therm = "CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 61\n"
    assert power.parse_speed_limit(therm) == 0.61
    assert power.parse_speed_limit("Note: No thermal warning level has been recorded\n") is None
