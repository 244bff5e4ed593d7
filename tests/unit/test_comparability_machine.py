"""Comparability of machines: threads, host CPUs, power limits, and what only some devices have."""

from __future__ import annotations

import pytest

from jobs.spec import Scalar
from tests.unit.condition_samples import CPU, GPU, OTHER_CPU, named, phrases


def test_equal_cpus_with_unequal_threads_differ_in_the_thread_count() -> None:
    pinned = CPU | {"cpus_in_use": "0", "usable_cpus": 1, "intra_threads": 1, "inter_threads": 1}
    assert phrases(pinned, CPU) == ["thread count: 1 here, 8 on base"]


@pytest.mark.parametrize(
    "keys", [("intra_threads",), ("intra_threads", "omp_num_threads", "usable_cpus")]
)
def test_threads_are_told_by_the_variable_and_else_by_the_cpus(keys: tuple[str, ...]) -> None:
    pinned = CPU | {"cpus_in_use": "0,2-3", "omp_num_threads": "3", "usable_cpus": 3}
    here = {key: value for key, value in pinned.items() if key not in keys}
    there = {key: value for key, value in CPU.items() if key not in keys}
    assert phrases(here, there) == ["thread count: 3 here, 8 on base"]


def test_unlike_cpus_differ_only_in_threads_per_usable_core() -> None:
    idle_half = OTHER_CPU | {"intra_threads": 2}
    assert phrases(idle_half, CPU) == ["threads per usable core: 0.5 here, 1 on base"]


def test_a_part_of_one_cpu_against_the_whole_of_another_is_named() -> None:
    part = OTHER_CPU | {"cpus_in_use": "0-1", "usable_cpus": 2, "intra_threads": 2}
    assert phrases(part, CPU) == ["CPUs in use: 2 of 4 here, 8 of 8 on base"]


def test_gpus_differ_in_the_number_of_host_cpus_and_not_in_threads() -> None:
    small = GPU | {"usable_cpus": 2, "cpus_in_use": "0-1", "intra_threads": 2, "vcpus": 2}
    assert phrases(small, GPU) == ["host CPU count: 2 here, 8 on base"]


def test_a_gpu_against_the_cpu_of_a_smaller_machine_differs_in_no_threads() -> None:
    assert named(GPU, OTHER_CPU) == []


@pytest.mark.parametrize(
    ("here", "there", "phrase"),
    [
        ((50.0, 70.0), (70.0, 70.0), "power limit below its default: 50 of 70 W here, 70 of 70 W"),
        ((300.0, 300.0), (200.0, 250.0), "power limit below its default: 300 of 300 W here, 200"),
        ((80.0, 70.0), (70.0, 70.0), "power limit above its default: 80 of 70 W here"),
        ((60.0, None), (70.0, 70.0), "power limit: 60 W here, 70 W on base"),
        ((50.0, 100.0), (35.0, 70.0), None),
        ((None, 70.0), (50.0, 70.0), None),
    ],
)
def test_power_limits_are_compared_by_their_defaults(
    here: tuple[float | None, float | None],
    there: tuple[float | None, float | None],
    phrase: str | None,
) -> None:
    keys = ("power_limit_watts", "power_limit_default_watts")
    found = phrases(
        GPU | dict(zip(keys, here, strict=True)), GPU | dict(zip(keys, there, strict=True))
    )
    assert len(found) == (phrase is not None)
    assert phrase is None or found[0].startswith(phrase)


def test_limits_of_unlike_devices_without_defaults_are_not_compared() -> None:
    unknown = {"power_limit_default_watts": None}
    other = GPU | unknown | {"device_name": "V100", "power_limit_watts": 250.0}
    assert named(GPU | unknown, other) == []


def test_what_only_counts_on_gpus_is_not_compared_elsewhere() -> None:
    changes: dict[str, Scalar] = {"driver": "580.1", "cuda_version": "13.0", "ecc": False}
    changes |= {"variables_device": "CPU:0"}
    assert set(named(GPU | changes, GPU)) == {
        "device of the variables",
        "ECC",
        "CUDA version",
        "GPU driver version",
    }
    assert named(CPU | changes, CPU) == []


def test_drivers_of_different_makers_are_not_compared() -> None:
    assert named(GPU | {"gpu_api": "rocm", "driver": "6.10"}, GPU) == []


def test_releases_of_different_systems_are_not_compared() -> None:
    mac = CPU | {"os": "macos", "os_version": "15.1", "kernel": "24.1.0", "isolation": "spawn"}
    assert named(mac, CPU) == ["operating system"]
    assert named(CPU | {"kernel": "6.1.0-18-amd64"}, CPU) == []


def test_what_a_backend_does_with_the_cpu_of_a_gpu_machine_is_no_difference_to_a_cpu() -> None:
    assert named(GPU | {"intra_threads": 1, "usable_cpus": 1}, CPU) == []
