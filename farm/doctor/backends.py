"""Backends: whether each that is installed can be imported, and sees the GPU that it is to use."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING

import psutil

from farm.doctor import gpu_libraries
from farm.doctor.check import Check, listed
from farm.doctor.gpu_libraries import LAST_WORDS, Facts

if TYPE_CHECKING:
    from workers.hardware import Hardware

STILL_SECONDS = 1.0  # without any progress, at the end
EXTRAS = {"tensorflow": "cuda", "torch": "torch", "jax": "jax", "sklearn": "workloads"}


def installed(hardware: Hardware) -> tuple[dict[str, str], dict[str, str]]:
    """Return the versions of the backends here, and why others cannot be used on this hardware."""
    from workers import capabilities

    versions: dict[str, str] = {
        backend: version
        for backend, names in capabilities.DISTRIBUTIONS.items()
        if (version := capabilities.installed(backend, names)) is not None
    }
    metal = None
    with contextlib.suppress(metadata.PackageNotFoundError):
        metal = metadata.version(capabilities.METAL)
    why = capabilities.metal_refusal(hardware, versions.get("tensorflow"), metal)
    if why is None:
        return versions, {}
    del versions["tensorflow"]  # importing it beside the wrong tensorflow-metal may crash
    return versions, {"tensorflow": why}


def probed(
    backend: str,
    version: str,
    hardware: Hardware,
    environment: Mapping[str, str],
    deadline: float,
) -> Iterator[Check]:
    """Yield what importing the backend until the deadline (monotonic) shows."""
    yield Probe(backend, environment).check(hardware, version, deadline)


class Probe:
    """A process that imports a backend, as a job on this hardware would."""

    def __init__(self, backend: str, environment: Mapping[str, str]) -> None:
        self.backend = backend
        self._began = time.monotonic()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by check()
        self._answer = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "farm.doctor.backend_probe", backend],
            env={
                **os.environ,
                **environment,
                "KERAS_BACKEND": backend if backend != "sklearn" else "tensorflow",
                # It only looks: the GPU's memory is for whoever measures.
                "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            },
            stdin=subprocess.DEVNULL,
            stdout=self._answer,
            stderr=self._said,
            start_new_session=True,
        )

    def check(self, hardware: Hardware, version: str, deadline: float) -> Check:
        """Wait for its answer until `deadline` (monotonic), and judge it."""
        with self._said, self._answer:
            try:
                code = self._ended(deadline)
                if code is None:
                    return self._unfinished(version)
            finally:
                self.end()
            self._said.seek(0)
            words = self._said.read().decode(errors="replace")
            if code != 0:
                return broken(self.backend, version, code, words)
            self._answer.seek(0)
            return judge(self.backend, version, hardware, json.load(self._answer))

    def _ended(self, deadline: float) -> int | None:
        """Wait for it until the deadline; return its exit code, None when it is still at it."""
        try:
            return self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _unfinished(self, version: str) -> Check:
        """Judge whether it stands still, or is only slow; it has not ended by the deadline."""
        before = self._work()
        code = self._ended(time.monotonic() + STILL_SECONDS)
        after = self._work()
        stands_still = code is None and None not in (before, after) and before == after
        return unfinished(
            self.backend, version, time.monotonic() - self._began, stands_still=stands_still
        )

    def _work(self) -> tuple[float, int] | None:
        """Return what it has computed, in seconds, and read, in bytes; None where that is not told.

        What it waits for, a lock or a driver, changes neither.
        """
        try:
            process = psutil.Process(self._process.pid)
            times = process.cpu_times()
            read = process.io_counters().read_chars if hasattr(process, "io_counters") else 0
            return times.user + times.system, read
        except psutil.Error:
            return None

    def end(self) -> None:
        """Kill it and what it started, if it is still there."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def unfinished(backend: str, version: str, seconds: float, *, stands_still: bool) -> Check:
    """Say that importing it did not end: a fault only where it does nothing any more."""
    if not stands_still:
        return Check.skipped(
            backend,
            f"{version} is still being imported after {seconds:.0f} s; "
            f"`farm doctor --seconds 120` waits longer",
        )
    return Check.wrong(
        backend,
        f"{version}: importing it hangs: after {seconds:.0f} s it computes and reads nothing more",
        f"see where: `python -c 'import {backend}'`, then Ctrl-C; a GPU's driver that hangs is the "
        f"usual cause, and takes a restart of the machine",
    )


def broken(backend: str, version: str, code: int, words: str) -> Check:
    """Say how importing it failed; `words` is what it printed."""
    remedy = f'install it anew: pip install --force-reinstall "benchfarm[{_extra(backend)}]"'
    if code == -signal.SIGILL:
        return Check.wrong(
            backend,
            f"{version} was built for a newer CPU: importing it ends with SIGILL",
            "install a build without AVX, or measure with another backend",
        )
    if code < 0:
        known = {each.value for each in signal.Signals}
        died = signal.Signals(-code).name if -code in known else f"signal {-code}"
        return Check.wrong(backend, f"{version}: importing it ends with {died}", remedy)
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    last = lines[-1][-LAST_WORDS:] if lines else f"exit code {code}"
    if "No module named 'keras'" in last:
        return Check.wrong(backend, f"{version}, without Keras", 'pip install "keras>=3.8"')
    return Check.wrong(backend, f"{version} cannot be imported: {last}", remedy)


def judge(backend: str, version: str, hardware: Hardware, facts: Facts) -> Check:
    """Judge what a backend that could be imported says of itself and of the GPU."""
    keras = f", Keras {facts['keras']}" if facts.get("keras") else ""
    detail = f"{version}{keras}"
    if backend == "sklearn" or hardware.device == "cpu":
        return Check.fine(backend, f"{detail}, on the CPU")
    api = hardware.facts.get("gpu_api")
    why = gpu_libraries.mismatch(facts, str(hardware.facts.get("compute_capability") or ""))
    if why is not None:
        return Check.wrong(backend, f"{detail}: {why[0]}", why[1])
    gpus = [str(each) for each in facts.get("gpus", [])]
    if gpus:
        return Check.fine(backend, f"{detail}, sees {listed(gpus)}{gpu_libraries.named(facts)}")
    seen = f"{detail} does not see the GPU ({hardware.facts.get('device_name') or hardware.name})"
    if not facts.get("built_for_gpu"):
        return Check.wrong(backend, f"{seen}: it is a build for the CPU", _gpu_build(backend, api))
    said = facts.get("gpu_error") or f"it was built for CUDA {facts.get('cuda') or '(unknown)'}"
    if api != "cuda":
        return Check.wrong(backend, f"{seen}: {said}", _gpu_build(backend, api))
    driver = hardware.facts.get("driver") or "unknown"
    return Check.wrong(
        backend,
        f"{seen}: {' '.join(str(said).split())[:LAST_WORDS]}; the driver is {driver}",
        f"{_gpu_build(backend, api)}; unset LD_LIBRARY_PATH, which may name another CUDA; a driver "
        f"older than its CUDA must be renewed",
    )


def _gpu_build(backend: str, api: object) -> str:
    """Return what to install for this backend on such a GPU."""
    if api == "metal":
        return {"tensorflow": 'pip install "benchfarm[metal]", in Python 3.12 or earlier'}.get(
            backend, "measure this GPU with backend: torch"
        )
    if api == "rocm":
        return f"install the build of {backend} for ROCm, as AMD's pages say"
    if backend == "tensorflow":
        return 'pip uninstall tensorflow-cpu, then pip install "benchfarm[cuda]"'
    if backend == "jax":
        return 'pip install "jax[cuda12]" (or cuda13, as the driver allows)'
    return "install the build of PyTorch for CUDA, as pytorch.org/get-started says"


def _extra(backend: str) -> str:
    return "tensorflow" if backend == "tensorflow" else EXTRAS[backend]
