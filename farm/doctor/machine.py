"""Machine: this one's Python, folders, disks, GPU and workloads."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from farm.doctor import outbox
from farm.doctor.check import Check, guarded, listed, shown
from farm.render import units
from jobs.errors import FarmError

if TYPE_CHECKING:
    from jobs.catalogue import Catalogue
    from workers.hardware import Hardware

LEAST_FREE_BYTES = 1_000_000_000
OLDEST_PYTHON = (3, 10)
NEWEST_TRIED = (3, 13)

_one_at_a_time = threading.Lock()


def checks() -> Iterator[Check]:
    """Yield what there is to say of this machine without asking anybody."""
    yield python(sys.version_info[:3])
    folder = guarded("farm's folder", _home)
    yield folder
    if folder.ok:  # without it the others would say the same
        yield guarded("store", _store)
        yield guarded("disk space", lambda: disk(_free()))
        yield guarded("outbox", _outbox)
    yield guarded("host lock", _lock)
    yield guarded("workloads", _workloads)


def python(version: tuple[int, int, int]) -> Check:
    """Judge the version of Python."""
    said = f"{'.'.join(map(str, version))}, benchfarm {_own_version()}"
    if version[:2] < OLDEST_PYTHON:
        return Check.wrong("python", said, "install Python 3.10 to 3.13, and benchfarm into it")
    newer = "; it was tried on 3.10 to 3.13, and backends may lack wheels for this"
    return Check.fine("python", said + newer * (version[:2] > NEWEST_TRIED))


def disk(free: Mapping[Path, int]) -> Check:
    """Judge the room on the disks of the folders that the farm writes to, in bytes."""
    name = "disk space"
    said = {folder: f"{units.size(left)} free in {shown(folder)}" for folder, left in free.items()}
    full = [said[folder] for folder, left in free.items() if left < LEAST_FREE_BYTES]
    if full:
        return Check.wrong(
            name,
            listed(full),
            "make room there, or set FARM_HOME to a folder with more (the store's: FARM_STORE)",
        )
    return Check.fine(name, listed(list(said.values())))


def gpu(hardware: Hardware, *, driver_loaded: bool, nvml: bool, hidden: str | None) -> Check:
    """Judge whether the GPU that a driver is loaded for was found.

    `nvml`: the package nvidia-ml-py is installed; `hidden`: what CUDA_VISIBLE_DEVICES says.
    """
    name = "gpu"
    if hardware.device == "gpu":
        facts = hardware.facts
        driver = f", driver {facts['driver']}" if facts.get("driver") else ""
        return Check.fine(name, f"{facts.get('device_name') or hardware.name}{driver}")
    if not driver_loaded:
        return Check.skipped(name, f"there is none here; {hardware.name} is measured on its CPU")
    if not nvml:
        return Check.wrong(
            name,
            "an NVIDIA driver is loaded, and the Python package that finds its GPUs is missing",
            "pip install nvidia-ml-py",
        )
    if hidden is not None:
        return Check.fine(name, f"hidden by CUDA_VISIBLE_DEVICES={hidden}")
    return Check.wrong(
        name,
        "an NVIDIA driver is loaded, and it shows no GPU",
        "see what `nvidia-smi` says; after a driver's update the machine must be restarted, and a "
        "container needs `--gpus all`",
    )


def gpu_here(hardware: Hardware, asked_for: str | None) -> Check:
    """Judge the GPU of this machine; not when the CPU was asked for."""
    from workers.probes import nvidia

    if asked_for == "cpu":
        return Check.skipped("gpu", "the CPU was asked for")
    return gpu(
        hardware,
        driver_loaded=nvidia.DRIVER.exists(),
        nvml=util.find_spec("pynvml") is not None,
        hidden=os.environ.get(nvidia.VARIABLE),
    )


def _own_version() -> str:
    return metadata.version("benchfarm")


def _home() -> Check:
    from farm.home import home

    folder = home()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"farm doctor")
            file.flush()
    except OSError as error:
        return Check.wrong(
            "farm's folder",
            f"nothing can be written to {shown(folder)}: {error.strerror}",
            "give yourself the right to write there, or set FARM_HOME to another folder",
        )
    return Check.fine("farm's folder", f"{shown(folder)}, which can be written to")


def _store() -> Check:
    from farm.home import home
    from farm.store.store import Store

    usual = home() / "farm.db"
    if not os.environ.get("FARM_STORE") and not usual.exists():
        return Check.fine("store", f"{shown(usual)}, which is made when it is needed")
    with Store() as store:
        url = store.engine.url
        place = shown(Path(url.database)) if url.database else ""
        local = url.drivername.startswith("sqlite") and place
        return Check.fine("store", place if local else url.render_as_string(hide_password=True))


def _outbox() -> Check:
    from farm.home import home

    return outbox.check(home() / "outbox")


def _free() -> dict[Path, int]:
    """Return, for one folder of each disk that the farm writes to, the bytes that are free."""
    from farm.home import home
    from jobs.scratch import cache

    folders = [home(), Path(tempfile.gettempdir())]
    with contextlib.suppress(FarmError):
        folders.append(cache())
    stored = os.environ.get("FARM_STORE", "")
    if stored.startswith("sqlite:///"):
        folders.append(Path(stored.removeprefix("sqlite:///")).absolute().parent)
    found: dict[int, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found.setdefault(folder.stat().st_dev, folder)
    return {folder: shutil.disk_usage(folder).free for folder in found.values()}


def _lock() -> Check:
    from workers.host_lock import lock_path, opened

    os.close(opened(lock_path()))
    return Check.fine("host lock", f"{shown(lock_path())}; workers of this machine take turns")


def known_workloads() -> Catalogue:
    """Return what there is of workloads; somebody's files are run once, whoever asks first."""
    from jobs.catalogue import catalogue

    with _one_at_a_time:
        return catalogue()


def _workloads() -> Check:
    found = known_workloads()
    folders = os.environ.get("FARM_WORKLOADS", "").split(os.pathsep)
    nowhere = [folder for folder in folders if folder and not Path(folder).is_dir()]
    # A place is a file, or a package's entry point.
    broken = {
        shown(Path(place)) if Path(place).is_absolute() else place: why
        for place, why in found.broken.items()
    }
    return workloads(len(found.workloads), broken, [shown(Path(folder)) for folder in nowhere])


def workloads(count: int, broken: Mapping[str, str], nowhere: list[str]) -> Check:
    """Judge the workloads: files and entry points that gave none, folders that are not there."""
    name = "workloads"
    if nowhere:
        return Check.wrong(
            name,
            f"FARM_WORKLOADS names {listed(nowhere)}, which is no folder",
            "mend FARM_WORKLOADS (folders, separated as in PATH)",
        )
    if broken:
        return Check.wrong(
            name,
            f"left out: {listed([f'{place}: {why}' for place, why in broken.items()])}",
            "mend the file or the package; docs/workloads.md says what a workload has to have",
        )
    return Check.fine(name, f"{count} can be named in a suite; none is broken")
