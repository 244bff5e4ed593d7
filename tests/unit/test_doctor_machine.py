"""What `farm doctor` says of this machine: Python, folders, disks, the GPU and workloads."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from farm.doctor import examination, machine
from farm.doctor.check import Check
from farm.store.store import Store
from jobs import catalogue
from jobs.errors import UsageError
from tests.unit.test_doctor_backends import CPU, P100


def named(checks: list[Check], name: str) -> Check:
    [found] = [check for check in checks if check.check == name]
    return found


@pytest.mark.parametrize(
    ("version", "ok", "said"),
    [
        ((3, 9, 1), False, "3.9.1"),
        ((3, 10, 0), True, "3.10.0"),
        ((3, 13, 2), True, "3.13.2"),
        ((3, 14, 0), True, "backends may lack wheels"),
    ],
)
def test_python(version: tuple[int, int, int], ok: bool, said: str) -> None:
    check = machine.python(version)
    assert check.ok is ok
    assert said in check.detail


def test_disks_that_are_nearly_full() -> None:
    assert machine.disk({Path("/a"): 10**10}).ok
    check = machine.disk({Path("/a"): 10**10, Path("/b"): 10**8})
    assert not check.ok
    assert "95.4 MiB free in /b" in check.detail
    assert "/a" not in check.detail
    assert "FARM_HOME" in check.remedy


def test_a_machine_that_is_well(farm_home: Path) -> None:
    checks = list(machine.checks())
    assert [check.check for check in checks if not check.ok] == []
    # HOME is this test's folder.
    assert named(checks, "farm's folder").detail == "~/farm, which can be written to"
    assert named(checks, "store").detail == "~/farm/farm.db, which is made when it is needed"
    assert not (farm_home / "farm.db").exists()
    assert named(checks, "host lock").detail.startswith("~/benchfarm-host.lock; ")


def test_a_folder_that_cannot_be_made(farm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (farm_home.parent / "file").write_text("")
    monkeypatch.setenv("FARM_HOME", str(farm_home.parent / "file" / "farm"))
    [check] = [check for check in machine.checks() if not check.ok]  # said once
    assert check.check == "farm's folder"
    assert "set FARM_HOME" in check.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="it takes a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to(
    farm_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FARM_HOME", "/proc")
    check = named(list(machine.checks()), "farm's folder")
    assert not check.ok
    assert "nothing can be written to /proc" in check.detail


def test_a_store_is_opened(farm_home: Path) -> None:
    with Store():
        pass
    assert named(list(machine.checks()), "store").detail == "~/farm/farm.db"


def test_a_store_of_another_make(farm_home: Path) -> None:
    farm_home.mkdir()
    (farm_home / "farm.db").write_text("no database" * 1000)
    check = named(list(machine.checks()), "store")
    assert not check.ok
    assert check.remedy


def test_a_store_that_cannot_be_opened(farm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_STORE", "nonsense")
    check = named(list(machine.checks()), "store")
    assert not check.ok
    assert "FARM_STORE is not a database URL" in check.detail
    assert check.remedy


def test_a_lock_that_cannot_be_taken(farm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_LOCK_DIR", str(farm_home / "nowhere"))
    check = named(list(machine.checks()), "host lock")
    assert not check.ok
    assert "FARM_LOCK_DIR" in check.remedy


def test_results_in_the_outbox_of_this_home(farm_home: Path) -> None:
    (farm_home / "outbox").mkdir(parents=True)
    (farm_home / "outbox" / "run.a.unreadable").write_text("{")
    assert not named(list(machine.checks()), "outbox").ok


def test_workloads_that_are_broken(farm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = farm_home.parent / "theirs"
    folder.mkdir()
    (folder / "mine.py").write_text("import nothing_of_this_name\n")
    monkeypatch.setenv("FARM_WORKLOADS", str(folder))
    catalogue.catalogue.cache_clear()
    try:
        check = named(list(machine.checks()), "workloads")
    finally:
        catalogue.catalogue.cache_clear()
    assert not check.ok
    assert "mine.py" in check.detail
    assert "nothing_of_this_name" in check.detail
    monkeypatch.setenv("FARM_WORKLOADS", str(folder / "nowhere"))
    try:
        check = named(list(machine.checks()), "workloads")
    finally:
        catalogue.catalogue.cache_clear()
    assert not check.ok
    assert "which is no folder" in check.detail


def test_gpus_that_a_driver_is_loaded_for() -> None:
    well = machine.gpu(P100, driver_loaded=True, nvml=True, hidden=None)
    assert well.detail == "Tesla P100-PCIE-16GB, driver 550.54"
    none = machine.gpu(CPU, driver_loaded=False, nvml=False, hidden=None)
    assert none.ok
    assert none.detail.startswith("not checked: ")
    missing = machine.gpu(CPU, driver_loaded=True, nvml=False, hidden=None)
    assert not missing.ok
    assert missing.remedy == "pip install nvidia-ml-py"
    assert machine.gpu(CPU, driver_loaded=True, nvml=True, hidden="-1").ok
    unseen = machine.gpu(CPU, driver_loaded=True, nvml=True, hidden=None)
    assert not unseen.ok
    assert "`nvidia-smi`" in unseen.remedy


def test_the_machine_is_held_while_it_is_looked_at(farm_home: Path) -> None:
    with examination.quiet() as first, examination.quiet() as second:
        assert first
        assert not second  # as where a job is being measured
    with examination.quiet() as again:
        assert again


def test_what_is_being_measured_is_not_disturbed(farm_home: Path) -> None:
    with examination.quiet():
        checks = list(examination.device_checks("cpu", deadline=0.0))
    assert [check.check for check in checks] == ["gpu", "backends"]
    assert "a job is being measured here" in checks[-1].detail
    assert all(check.ok for check in checks)


def test_a_device_that_is_none_is_a_mistake_of_whoever_asks(farm_home: Path) -> None:
    part = examination.Part("gpu", lambda: examination.device_checks("tpu", deadline=0.0))
    part.start()
    with pytest.raises(UsageError, match="device 'tpu'"):
        part.checks(time.monotonic() + 60)


def test_a_gpu_that_is_not_there_is_said(farm_home: Path) -> None:
    [check] = examination.device_checks("gpu:77", deadline=0.0)
    assert not check.ok
    assert "gpu:77" in check.detail
    assert check.remedy
