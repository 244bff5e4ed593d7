"""Comparability: what is named as differing between two measurements, in which order, and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.readings.comparability import Difference, Line, common, differences, ranked, side_by_side
from farm.readings.condition import CONDITIONS, HARDWARE, MOMENTARY, NAMES, Conditions
from jobs.spec import Scalar
from tests.unit.condition_samples import CPU, DECIDING, GPU, OTHER_CPU, named, phrases


@pytest.mark.parametrize("conditions", [CPU, OTHER_CPU, GPU, {}])
def test_what_is_alike_has_no_differences(conditions: Conditions) -> None:
    assert differences(conditions, dict(conditions)) == ()


def test_unlike_hardware_is_what_is_compared_and_no_difference() -> None:
    assert named(CPU, OTHER_CPU) == []
    assert named(GPU, GPU | {"device_name": "Tesla V100", "gpu_cores": 5120}) == []
    assert named(GPU, CPU) == []


@pytest.mark.parametrize("key", sorted(CPU))
@pytest.mark.parametrize("without", [True, False])
def test_what_one_side_does_not_know_is_no_difference(key: str, without: bool) -> None:
    unknown = {name: value for name, value in CPU.items() if name != key}
    if not without and key not in {"xla_flags"}:
        unknown[key] = None
    assert named(unknown, CPU) == named(CPU, unknown) == []


@pytest.mark.parametrize(
    "key",
    # Without those that decide which rules apply.
    sorted({*MOMENTARY, *NAMES, *HARDWARE, "process_id", "data_folder"} - {*DECIDING}),
)
def test_the_moment_names_and_hardware_are_never_differences(key: str) -> None:
    assert named(CPU | {key: "one"}, CPU | {key: "another"}) == []


@pytest.mark.parametrize(
    ("key", "here", "there", "phrase", "changes_work"),
    [
        ("keras_version", "3.15.1", "3.14.0", "Keras version: 3.15.1 here, 3.14.0 on base", False),
        ("backend", "torch", "jax", "backend: torch here, jax on base", False),
        ("jit_compile", True, False, "jit compilation: on here, off on base", False),
        ("tf32", True, False, "TF32: on here, off on base", True),
        ("compute_dtype", "float16", "float32", "precision: float16 here, float32 on base", True),
        ("precision", "tf32", "float32", "precision: tf32 here, float32 on base", True),
        ("optimizer", "sgd", "adam", "optimizer: sgd here, adam on base", True),
        (
            "optimizer_legacy",
            True,
            False,
            "optimizer: the legacy class here, the current class on base",
            True,
        ),
        ("data", "synthetic", "real", "data: synthetic here, real on base", True),
        ("batch_size", 1024, 4096, "batch size: 1,024 here, 4,096 on base", True),
        ("weights", "random", "imagenet", "weights: random here, imagenet on base", True),
        (
            "initial_weights",
            "the backend's own",
            "the same on every backend",
            "initial weights: the backend's own here, the same on every backend on base",
            False,
        ),
        (
            "flash_attention",
            "off",
            "automatic",
            "flash attention: off here, automatic on base",
            False,
        ),
        ("encoder", "h264_nvenc", "libx264", "encoder: h264_nvenc here, libx264 on base", False),
        ("encoder_threads", 2, 3, "encoder's threads: 2 here, 3 on base", False),
        ("ffmpeg_version", "7.1", "6.0", "ffmpeg version: 7.1 here, 6.0 on base", False),
        (
            "ffmpeg_origin",
            "PATH",
            "imageio-ffmpeg",
            "ffmpeg's origin: PATH here, imageio-ffmpeg on base",
            False,
        ),
        (
            "scikit_learn_version",
            "1.7.2",
            "1.6.0",
            "scikit-learn version: 1.7.2 here, 1.6.0 on base",
            False,
        ),
        (
            "data_verified",
            False,
            True,
            "data: other files here, the published files on base",
            True,
        ),
        ("data_pipeline", "host", "staged", "data pipeline: host here, staged on base", True),
        ("staged_batches", 40, 1600, "staged batches: 40 here, 1,600 on base", True),
        (
            "samples_per_epoch",
            512,
            50_000,
            "samples per epoch: 512 here, 50,000 on base",
            True,
        ),
        ("power_mode", "low", "automatic", "power mode: low here, automatic on base", False),
        ("on_mains", False, True, "power source: battery here, mains on base", False),
        ("cpu_governor", "powersave", "performance", None, False),
        ("xla_flags", "--xla_x", None, "XLA_FLAGS: --xla_x here, not set on base", False),
        ("isolation", "spawn", "fork", "process isolation: spawn here, fork on base", False),
        ("rosetta", True, False, "Rosetta translation: on here, off on base", False),
    ],
)
def test_each_difference_is_named_in_plain_words(
    key: str, here: Scalar | None, there: Scalar | None, phrase: str | None, changes_work: bool
) -> None:
    (found,) = differences(CPU | {key: here}, CPU | {key: there})
    assert found.changes_work is changes_work
    if phrase is not None:
        assert found.phrase("base") == phrase


def test_one_thing_recorded_in_several_ways_is_named_once_by_the_first() -> None:
    here = CPU | {"precision": "tf32", "compute_dtype": "bfloat16", "dtype_policy": "mixed"}
    assert phrases(here, CPU) == ["precision: tf32 here, float32 on base"]


def test_a_flag_that_is_not_set_differs_from_one_that_is_and_from_one_never_recorded_not() -> None:
    never = {key: value for key, value in CPU.items() if key != "xla_flags"}
    assert named(CPU | {"xla_flags": "--xla_x"}, CPU) == ["XLA_FLAGS"]
    assert named(CPU | {"xla_flags": "--xla_x"}, never) == []


def test_what_changes_the_work_comes_first_then_what_is_in_force_then_software() -> None:
    here = CPU | {
        "kernel": "6.8.0-1019-gcp",
        "keras_version": "3.14.0",
        "tensorflow_cpu_version": "2.20.0",
        "jit_compile": True,
        "tf32": True,
        "intra_threads": 1,
        "power_mode": "low-power",
    }
    assert named(here, CPU | {"power_mode": "automatic"}) == [
        "TF32",
        "jit compilation",
        "power mode",
        "thread count",
        "TensorFlow version",
        "Keras version",
        "kernel",
    ]


def test_of_versions_the_greater_step_comes_first() -> None:
    here = CPU | {"tensorflow_cpu_version": "2.21.1", "keras_version": "3.14.0"}
    here |= {"python_version": "4.0.0"}
    assert named(here, CPU) == ["Python version", "Keras version", "TensorFlow version"]


def test_two_builds_of_one_release_are_one_version() -> None:
    assert (
        named(CPU | {"torch_version": "2.13.0+cpu"}, CPU | {"torch_version": "2.13.0+cu126"}) == []
    )
    gpu_build = CPU | {"tensorflow_version": "2.21.0", "tensorflow_cpu_version": None}
    assert named(gpu_build, CPU) == []
    assert named(CPU | {"numpy_version": 2.4}, CPU | {"numpy_version": "2.4"}) == []


def test_a_patch_level_is_a_difference_of_versions() -> None:
    found = phrases(CPU | {"tensorflow_cpu_version": "2.21.1"}, CPU)
    assert found == ["TensorFlow version: 2.21.1 here, 2.21.0 on base"]


def test_other_packages_of_another_backend_are_not_listed_beside_the_backend() -> None:
    torch = CPU | {"backend": "torch", "torch_version": "2.13.0", "tensorflow_cpu_version": None}
    assert named(torch, CPU) == ["backend"]


def test_the_device_may_be_told_where_the_conditions_do_not_say() -> None:
    here, there = ({"usable_cpus": count} for count in (2, 8))
    assert differences(here, there) == ()
    assert [each.what for each in differences(here, there, device="gpu")] == ["host CPU count"]


def test_differences_of_several_pairs_can_be_ranked_together() -> None:
    found = [
        Difference(what="kernel", here="6.1", there="6.8"),
        Difference(what="something new", here=1, there=2),
        Difference(what="precision", here="float16", there="float32", changes_work=True),
        Difference(what="thread count", here=1, there=2),
    ]
    order = ["precision", "thread count", "kernel", "something new"]
    assert [each.what for each in ranked(found)] == order
    assert [each.what for each in ranked(reversed(found))] == order


KEYS = sorted({key for each in CONDITIONS for key in each.keys} | {*DECIDING})
SCALARS = (
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["cpu", "gpu", "1.2", "x"])
)


@given(
    st.dictionaries(st.sampled_from(KEYS), SCALARS), st.dictionaries(st.sampled_from(KEYS), SCALARS)
)
def test_whichever_side_is_here_the_same_things_differ(
    here: dict[str, Any], there: dict[str, Any]
) -> None:
    assert differences(here, here) == ()
    forth, back = differences(here, there), differences(there, here)
    assert [each.what for each in forth] == [each.what for each in back]
    assert [(each.here, each.there) for each in forth] == [(e.there, e.here) for e in back]
    assert all(each.phrase("base") for each in forth)


def test_repeats_that_agree_have_their_conditions_in_common() -> None:
    assert common([CPU, CPU, dict(CPU)]) == CPU
    assert common([]) == {}


def test_of_repeats_that_disagree_all_values_are_kept() -> None:
    merged = common([{"tf32": True, "x": 2, "y": "b"}, {"x": 10, "y": "a"}, {"x": 1, "y": None}])
    assert merged == {"tf32": True, "x": "1, 2 and 10", "y": "a and b"}
    assert common([{"kernel": "6.1"}, {"kernel": None}]) == {"kernel": "6.1"}


def test_repeats_in_another_order_have_the_same_in_common() -> None:
    mixed = [CPU | {"keras_version": version} for version in ("3.14.0", "3.15.1")]
    assert named(common(mixed), common(mixed[::-1])) == []
    assert phrases(common(mixed), CPU) == [
        "Keras version: 3.14.0 and 3.15.1 here, 3.15.1 on base",
    ]


def test_side_by_side_every_key_stands_known_words_first_and_grouped() -> None:
    here = GPU | {"zeta": 1, "alpha": 2}
    lines = side_by_side(here, CPU)
    assert len(lines) == len(here)
    order = [line.what for line in lines]
    assert len(set(order)) == len(order)  # no two lines of one name
    assert order[-2:] == ["alpha", "zeta"]
    assert order.index("data") < order.index("TF32") < order.index("jit compilation")
    assert order.index("jit compilation") < order.index("Keras version") < order.index("kernel")
    assert order.index("kernel") < order.index("device name") < order.index("load average 1min")


def test_side_by_side_marks_what_is_known_on_both_sides_and_not_the_same() -> None:
    here: Conditions = {"tf32": True, "kernel": "6.1", "power_mode": None, "vcpus": 2}
    there: Conditions = {"tf32": False, "kernel": "6.1", "power_mode": "low", "vcpus": 4}
    assert side_by_side(here, there) == [
        Line("TF32", "on", "off", True),
        Line("power mode", None, "low", False),
        Line("kernel", "6.1", "6.1", False),
        Line("vcpus", 2, 4, True),
    ]


def test_side_by_side_what_only_one_side_recorded_is_unknown_to_the_other() -> None:
    assert side_by_side({"tf32": True}, {"mig": False, "new_key": 1}) == [
        Line("TF32", "on", None, False),
        Line("MIG", None, "off", False),
        Line("new key", None, 1, False),
    ]
