"""A stand-in for the module `pynvml`, with the answers of a P100 and of an H200."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class NvmlError(Exception):
    """Stands for pynvml.NVMLError."""


P100: dict[str, Any] = {
    "nvmlDeviceGetName": b"Tesla P100-PCIE-16GB",  # bytes, as old bindings answer
    "nvmlDeviceGetUUID": b"GPU-5d5f184f-88ca-3a1a-ebed-6417cd5a07ca",
    "nvmlDeviceGetPciInfo": SimpleNamespace(busId=b"00000000:00:04.0"),
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=17071734784, used=1_000_000_000),
    "nvmlDeviceGetCudaComputeCapability": (6, 0),
    "nvmlDeviceGetPowerManagementLimit": 250_000,
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetMaxClockInfo": 1328,
    # No energy counter before Volta; this driver knows the old name of the reasons alone.
    "nvmlDeviceGetPowerUsage": 180_000,
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97, memory=60),
    "nvmlDeviceGetTemperature": 70,
    "nvmlDeviceGetClockInfo": 1189,
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0x4,
    "nvmlDeviceGetComputeRunningProcesses": [],
}
H200: dict[str, Any] = {
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlDeviceGetUUID": "GPU-e48e0338-3f4e-406b-591f-d36ce2aeb169",
    "nvmlDeviceGetPciInfo": SimpleNamespace(busId="00000000:19:00.0"),
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=150754820096, used=2_000_000_000),
    "nvmlDeviceGetNumGpuCores": 16896,
    "nvmlDeviceGetCudaComputeCapability": (9, 0),
    "nvmlDeviceGetPowerManagementLimit": 700_000,
    "nvmlDeviceGetPowerManagementDefaultLimit": 700_000,
    "nvmlDeviceGetMaxClockInfo": 1980,
    "nvmlDeviceGetMemoryBusWidth": 6144,
    "nvmlDeviceGetMaxPcieLinkGeneration": 5,
    "nvmlDeviceGetMaxPcieLinkWidth": 16,
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetMigMode": [0, 0],
    "nvmlDeviceGetPowerUsage": 400_000,
    "nvmlDeviceGetTotalEnergyConsumption": 5_000_000,
    "nvmlDeviceGetEnforcedPowerLimit": 600_000,
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=0, memory=0),
    "nvmlDeviceGetTemperature": 45,
    "nvmlDeviceGetTemperatureThreshold": 90,
    "nvmlDeviceGetClockInfo": 1980,
    "nvmlDeviceGetCurrentClocksEventReasons": 0x1,
    "nvmlDeviceGetComputeRunningProcesses": [],
}


def fake_nvml(*devices: dict[str, Any] | None) -> ModuleType:
    """Make a module `pynvml` that knows these devices, and raises for what they do not answer.

    An answer that can be called is called: it may change from one question to the next.
    """
    nvml: Any = ModuleType("pynvml")
    nvml.NVMLError = NvmlError
    nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM = 1, 2

    def question(name: str) -> Callable[..., Any]:
        def answer(device: dict[str, Any], *_: Any) -> Any:
            if name not in device:
                raise NvmlError("Not Supported")
            said = device[name]
            return said() if callable(said) else said

        return answer

    def handle(index: int) -> dict[str, Any]:
        device = devices[index]
        if device is None:
            raise NvmlError("Insufficient Permissions")
        return device

    for name in {*P100, *H200}:
        setattr(nvml, name, question(name))
    nvml.nvmlInit = nvml.nvmlShutdown = lambda: None
    nvml.nvmlDeviceGetCount = lambda: len(devices)
    nvml.nvmlDeviceGetHandleByIndex = handle
    nvml.nvmlSystemGetDriverVersion = lambda: "570.133.20"
    nvml.nvmlSystemGetCudaDriverVersion_v2 = lambda: 12080
    return nvml  # type: ignore[no-any-return]


@pytest.fixture
def install_nvml(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def install(*devices: dict[str, Any] | None) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(*devices))

    return install
