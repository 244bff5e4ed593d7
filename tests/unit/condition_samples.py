"""Conditions to compare: of a CPU, of an unlike one, and of a GPU."""

from __future__ import annotations

from farm.readings.comparability import differences
from farm.readings.condition import Conditions
from jobs.spec import Scalar

CPU: dict[str, Scalar | None] = {
    "device": "cpu",
    "device_name": "Xeon",
    "cpu_name": "Xeon",
    "vcpus": 8,
    "cpus_in_use": "0-7",
    "usable_cpus": 8,
    "intra_threads": 8,
    "inter_threads": 8,
    "omp_num_threads": "8",
    "ram_bytes": 1 << 34,
    "os": "linux",
    "os_version": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.1.0-13-amd64",
    "backend": "tensorflow",
    "tensorflow_version": None,
    "tensorflow_cpu_version": "2.21.0",
    "keras_version": "3.15.1",
    "python_version": "3.11.9",
    "precision": "float32",
    "compute_dtype": "float32",
    "dtype_policy": "float32",
    "tf32": False,
    "optimizer": "adam",
    "optimizer_class": "Adam",
    "optimizer_legacy": False,
    "data": "real",
    "data_verified": True,
    "data_pipeline": "staged",
    "jit_compile": False,
    "xla_flags": None,
    "isolation": "fork",
    "power_mode": None,
    "load_average_1min": 0.2,
    "hostname": "one",
}
OTHER_CPU = {**CPU, "cpu_name": "EPYC", "device_name": "EPYC", "vcpus": 4, "cpus_in_use": "0-3"} | {
    "usable_cpus": 4,
    "intra_threads": 4,
    "inter_threads": 4,
    "omp_num_threads": "4",
}
GPU = CPU | {
    "device": "gpu",
    "device_name": "Tesla T4",
    "gpu_api": "cuda",
    "gpu_cores": 2560,
    "driver": "550.54.15",
    "cuda_version": "12.5",
    "power_limit_watts": 70.0,
    "power_limit_default_watts": 70.0,
    "ecc": True,
    "variables_device": "GPU:0",
}

DECIDING = ("cpu_name", "device", "gpu_api", "vcpus")


def named(here: Conditions, there: Conditions) -> list[str]:
    """Return what differs."""
    return [each.what for each in differences(here, there)]


def phrases(here: Conditions, there: Conditions) -> list[str]:
    """Return how it is said, the baseline being called base."""
    return [each.phrase("base") for each in differences(here, there)]
