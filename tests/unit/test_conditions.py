"""The state of the machine at the start of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workers.conditions import conditions, unit
from workers.hardware import Hardware
from workers.probes import power
from workers.probes.sensors import Sensors


def hardware(device: Any = "gpu", index: int | None = 0, **facts: Any) -> Hardware:
    return Hardware(
        name="x", device=device, device_index=index, tags=(), facts=facts, declared=False
    )


class Told(Sensors):
    def foreign_processes(self) -> int | None:
        return 2

    def power_limit_watts(self) -> float | None:
        return 450.0


def test_what_nothing_tells_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "on_mains", lambda **_: None)
    monkeypatch.setattr(power, "power_mode", lambda: None)
    monkeypatch.setattr("workers.conditions.governor", lambda _: None)
    said = conditions(hardware(), Sensors())
    unknown = {name for name, value in said.items() if value is None}
    assert unknown == {
        "foreign_gpu_processes",
        "power_limit_watts",
        "power_mode",
        "on_mains",
        "cpu_governor",
        "driver_version",
    }
    assert isinstance(said["load_average_1min"], float)
    assert said["kernel"]
    assert isinstance(said["usable_cpus"], int)
    assert said["usable_cpus"] >= 1


def test_what_is_told_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool | None] = []

    def on_mains(*, virtual: bool | None) -> bool:
        asked.append(virtual)
        return True

    monkeypatch.setattr(power, "on_mains", on_mains)
    said = conditions(hardware(driver="570.133.20", virtual_machine=False), Told())
    assert said["foreign_gpu_processes"] == 2
    assert said["power_limit_watts"] == 450.0
    assert said["driver_version"] == "570.133.20"
    assert said["on_mains"] is True
    assert asked == [False]


def test_a_unit_is_one_physical_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_id = tmp_path / "machine-id"
    monkeypatch.setattr("workers.conditions.MACHINE_IDS", (tmp_path / "none", machine_id))
    monkeypatch.setattr("platform.node", lambda: "lab-3")
    # A GPU bears its own number, wherever it is
    assert unit(hardware(device_uuid="GPU-5d5f")) == "GPU-5d5f"
    # Without a machine's id its name has to do
    assert unit(hardware(index=1)) == "lab-3/gpu1"
    assert unit(hardware("cpu", None)) == "lab-3/cpu"
    # The id stays the same whatever the machine is called, and is not told
    machine_id.write_text("0123456789abcdef\n")
    known = unit(hardware("cpu", None))
    monkeypatch.setattr("platform.node", lambda: "renamed")
    assert unit(hardware("cpu", None)) == known
    assert "0123456789abcdef" not in known
