"""What detection makes of a machine: its name, tags, facts and fingerprint."""

from __future__ import annotations

import dataclasses
import json
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jobs.errors import HardwareError, UsageError
from jobs.spec import NAME_PATTERN
from tests.unit.fake_nvml import H200, P100, install_nvml
from workers.device import device_environment
from workers.hardware import IDENTITY, Hardware, detect
from workers.probes import amd, apple, nvidia

__all__ = ["install_nvml"]  # a fixture

DATA = Path(__file__).parent.parent / "data/hardware"
GIB = 1 << 30


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for probe in (nvidia, amd, apple):
        monkeypatch.setattr(probe, "gpus", lambda: ())


class TestDetection:
    @pytest.mark.usefixtures("no_gpu")
    def test_without_a_gpu_it_is_the_cpu(self) -> None:
        hardware = detect()
        assert (hardware.device, hardware.device_index) == ("cpu", None)
        assert not hardware.declared
        assert hardware.facts["device_name"] == hardware.facts["cpu_name"]
        assert hardware.facts["memory_bytes"] == hardware.facts["ram_bytes"]
        assert hardware.facts["gpu_cores"] is None
        assert detect(device="cpu") == hardware

    @pytest.mark.usefixtures("no_gpu")
    def test_nothing_absent_is_written_as_zero_or_an_empty_text(self) -> None:
        for key, value in detect().facts.items():
            assert value is None or isinstance(value, bool) or value, key

    @pytest.mark.usefixtures("no_gpu")
    def test_every_tag_can_be_selected_by(self) -> None:
        hardware = detect(tags=["lab", "Rack-7", "lab"])
        assert hardware.tags[0] == hardware.name
        assert list(hardware.tags[1:]) == sorted(set(hardware.tags[1:]))
        assert {"cpu", "lab", "Rack-7"} <= set(hardware.tags)
        assert all(re.fullmatch(NAME_PATTERN, tag) for tag in hardware.tags)

    @pytest.mark.usefixtures("no_gpu")
    def test_a_given_name_is_declared(self) -> None:
        hardware = detect(name="cpu-1core", cpus=(1, 2, 3))
        assert (hardware.name, hardware.tags[0], hardware.declared) == (
            "cpu-1core",
            "cpu-1core",
            True,
        )
        assert hardware.facts["cpus_in_use"] == "1-3"
        assert hardware.fingerprint == detect().fingerprint

    @pytest.mark.parametrize("word", ["", "a b", "gpu:0", "-x", "x" * 65, "name\n", "all", "ALL"])
    def test_a_name_or_tag_that_no_suite_could_select_is_refused(self, word: str) -> None:
        with pytest.raises(UsageError, match="hardware name"):
            detect(name=word)
        with pytest.raises(UsageError, match="tag"):
            detect(tags=["fine", word])

    @pytest.mark.parametrize("device", ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:0", "cpu:0"])
    def test_a_malformed_device_is_refused(self, device: str) -> None:
        with pytest.raises(UsageError, match="accepted are cpu, gpu"):
            detect(device=device)

    @pytest.mark.usefixtures("no_gpu")
    @pytest.mark.parametrize("device", ["gpu", "gpu:0"])
    def test_a_missing_gpu_is_an_error_with_a_remedy(self, device: str) -> None:
        with pytest.raises(HardwareError, match=rf"^{device} was asked for.*--device cpu"):
            detect(device=device)

    def test_the_first_gpu_is_taken_or_the_one_asked_for(
        self, install_nvml: Callable[..., None]
    ) -> None:
        install_nvml(P100, H200)
        first, second = detect(), detect(device="gpu:1")
        assert (first.name, first.device, first.device_index) == ("p100", "gpu", 0)
        assert (second.name, second.device_index) == ("h200", 1)
        assert {"gpu", "nvidia"} <= set(first.tags)
        assert first.facts["device_count"] == 2
        assert detect(device="cpu").device == "cpu"
        with pytest.raises(HardwareError) as caught:
            detect(device="gpu:2")
        assert "gpu:1 (NVIDIA H200)" in str(caught.value)

    def test_a_mac_is_its_gpu_or_its_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Given an M2 Max
        answers = {
            "sysctl": (DATA / "sysctl_m2_max.txt").read_text(),
            "system_profiler": (DATA / "system_profiler_m2_max.json").read_text(),
        }
        monkeypatch.setattr(platform, "system", lambda: "Darwin")
        monkeypatch.setattr(platform, "machine", lambda: "arm64")
        monkeypatch.setattr(apple, "output", lambda program, *_, **__: answers[program])
        monkeypatch.setattr(nvidia, "gpus", lambda: ())
        monkeypatch.setattr(amd, "gpus", lambda: ())
        # Then its GPU bears the chip's name, and its CPU the same with a suffix
        gpu, processor = detect(), detect(device="cpu")
        assert gpu.tags == ("m2-max", "apple", "arm64", "gpu", "macos")
        assert processor.tags == ("m2-max-cpu", "apple", "arm64", "cpu", "macos")
        assert gpu.facts["performance_cores"] == processor.facts["performance_cores"] == 8
        assert gpu.fingerprint != processor.fingerprint
        # And without system_profiler there is still a GPU
        answers["system_profiler"] = ""
        assert (detect().name, detect().facts["gpu_cores"]) == ("m2-max", None)


class TestFingerprint:
    @pytest.fixture
    def hardware(self, install_nvml: Callable[..., None]) -> Hardware:
        install_nvml(H200)
        return detect()

    def changed(self, hardware: Hardware, **facts: Any) -> str:
        return dataclasses.replace(hardware, facts={**hardware.facts, **facts}).fingerprint

    def test_it_is_sixteen_hexadecimal_digits(self, hardware: Hardware) -> None:
        assert re.fullmatch(r"[0-9a-f]{16}", hardware.fingerprint)

    @pytest.mark.parametrize("key", IDENTITY)
    def test_every_identifying_fact_counts(self, hardware: Hardware, key: str) -> None:
        other = 77 * GIB if key.endswith("_bytes") else 77
        assert self.changed(hardware, **{key: other}) != hardware.fingerprint
        assert self.changed(hardware, **{key: None}) != self.changed(hardware, **{key: other})

    def test_nothing_else_does(self, hardware: Hardware) -> None:
        renamed = dataclasses.replace(hardware, name="other", tags=("other",), declared=True)
        assert renamed.fingerprint == hardware.fingerprint
        assert self.changed(hardware, driver="1", hostname="x", python="4") == hardware.fingerprint

    def test_memory_that_a_kernel_keeps_back_does_not(self, hardware: Hardware) -> None:
        one, other = (self.changed(hardware, ram_bytes=n << 20) for n in (32_093, 31_702))
        assert one == other
        assert one != self.changed(hardware, ram_bytes=24_105 << 20)


class TestDevice:
    def test_the_cpu_hides_every_gpu(self) -> None:
        assert device_environment(self.hardware(None)) == {
            "CUDA_VISIBLE_DEVICES": "-1",
            "HIP_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu",
            "KERAS_TORCH_DEVICE": "cpu",
        }

    def test_an_nvidia_gpu_is_counted_as_nvml_counts(self) -> None:
        environment = device_environment(self.hardware("cuda", device_count=4))
        assert environment["CUDA_VISIBLE_DEVICES"] == "2"
        assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert environment["JAX_PLATFORMS"] == "cuda"

    def test_an_amd_gpu_among_several_is_named_by_its_uuid(self) -> None:
        facts: dict[str, Any] = {"device_uuid": "GPU-1d0a77f3a1a4b5c6"}
        several = device_environment(self.hardware("rocm", device_count=2, **facts))
        assert several["ROCR_VISIBLE_DEVICES"] == "GPU-1d0a77f3a1a4b5c6"
        assert several["HIP_VISIBLE_DEVICES"] == "0"
        alone = device_environment(self.hardware("rocm", device_count=1, **facts))
        assert alone["ROCR_VISIBLE_DEVICES"] == "2"

    def test_metal_is_named_where_it_can_be(self) -> None:
        assert device_environment(self.hardware("metal"))["KERAS_TORCH_DEVICE"] == "mps"

    def hardware(self, api: str | None, **facts: Any) -> Hardware:
        return Hardware(
            name="x",
            device="gpu" if api else "cpu",
            device_index=2 if api else None,
            tags=("x",),
            facts={"gpu_api": api, **facts},
            declared=False,
        )


class TestVerb:
    def run(self, *arguments: str) -> str:
        from farm.cli.hardware import command as verb

        result = CliRunner().invoke(verb, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    def test_json_holds_everything(self, install_nvml: Callable[..., None]) -> None:
        install_nvml(H200)
        printed = json.loads(self.run("--json", "--tag", "lab", "--hardware", "big", "--cpus", "0"))
        hardware = detect(name="big", tags=["lab"], cpus=(0,))
        assert printed == {
            "name": "big",
            "device": "gpu",
            "device_index": 0,
            "tags": list(hardware.tags),
            "facts": hardware.facts,
            "fingerprint": hardware.fingerprint,
            "declared": True,
        }

    def test_people_get_two_columns_with_units(self, install_nvml: Callable[..., None]) -> None:
        install_nvml(H200)
        lines = self.run().splitlines()
        rows = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
        assert rows["name"] == "h200"
        assert rows["device"] == "gpu:0"
        assert rows["memory"] == "140 GiB"
        assert rows["power limit"] == "700 W"
        assert rows["ecc"] == "yes"
        assert "None" not in rows.values()
        assert len({line.index(rows[re.split("  +", line)[0]], 12) for line in lines}) == 1
