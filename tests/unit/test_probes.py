"""What the probes make of the machines' answers."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.unit.fake_nvml import H200, P100, NvmlError, fake_nvml, install_nvml
from workers.probes import amd, apple, command, cpu, nvidia
from workers.probes.amd_output import parse_amd_smi, parse_rocm_smi
from workers.probes.cpu import parse_cpuinfo
from workers.probes.gpu import visible

__all__ = ["install_nvml"]  # a fixture

DATA = Path(__file__).parent.parent / "data/hardware"
GIB = 1 << 30


def recorded(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


class TestNvidia:
    def test_a_gpu_is_read(self, install_nvml: Callable[..., None]) -> None:
        install_nvml(H200)
        (gpu,) = nvidia.gpus()
        assert (gpu.name, gpu.index, gpu.memory_bytes) == ("NVIDIA H200", 0, 150754820096)
        assert gpu.facts["compute_capability"] == "9.0"
        assert gpu.facts["cuda_driver"] == "12.8"
        assert gpu.facts["power_limit_watts"] == 700.0
        assert (gpu.facts["ecc"], gpu.facts["mig"]) == (True, False)

    def test_what_an_old_card_does_not_answer_is_absent(
        self, install_nvml: Callable[..., None]
    ) -> None:
        install_nvml(P100)
        (gpu,) = nvidia.gpus()
        assert gpu.name == "Tesla P100-PCIE-16GB"
        assert gpu.facts["device_uuid"] == "GPU-5d5f184f-88ca-3a1a-ebed-6417cd5a07ca"
        for absent in ("gpu_cores", "mig", "pcie_width", "power_limit_default_watts"):
            assert gpu.facts[absent] is None

    def test_a_gpu_that_may_not_be_opened_is_left_out(
        self, install_nvml: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        install_nvml(None, H200)
        assert [gpu.index for gpu in nvidia.gpus()] == [1]
        assert "GPU 0" in caplog.text

    def test_no_driver_is_no_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_driver() -> None:
            raise NvmlError("NVML Shared Library Not Found")

        nvml = fake_nvml()
        monkeypatch.setattr(nvml, "nvmlInit", no_driver)
        monkeypatch.setitem(sys.modules, "pynvml", nvml)
        assert nvidia.gpus() == ()

    def test_a_driver_without_the_package_is_pointed_out(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setitem(sys.modules, "pynvml", None)
        monkeypatch.setattr(nvidia, "DRIVER", tmp_path)
        assert nvidia.gpus() == ()
        assert "pip install nvidia-ml-py" in caplog.text

    @pytest.mark.parametrize(
        ("value", "indices"),
        [
            (None, [0, 1]),
            ("1,0", [1, 0]),
            ("1", [1]),
            ("GPU-e48e", [1]),
            ("GPU-5d5f184f-88ca-3a1a-ebed-6417cd5a07ca,1", [0, 1]),
            ("0,7,1", [0]),
            ("GPU-", []),
            ("", []),
            ("-1", []),
            ("MIG-1234", []),
        ],
    )
    def test_hidden_gpus_are_not_there(
        self,
        monkeypatch: pytest.MonkeyPatch,
        install_nvml: Callable[..., None],
        value: str | None,
        indices: list[int],
    ) -> None:
        install_nvml(P100, H200)
        if value is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert [gpu.index for gpu in nvidia.gpus()] == indices

    def test_an_entry_that_hides_by_mistake_is_pointed_out(
        self, install_nvml: Callable[..., None], caplog: pytest.LogCaptureFixture
    ) -> None:
        install_nvml(P100)
        found = nvidia.gpus()
        with caplog.at_level(logging.WARNING):
            visible(found, "-1", "CUDA_VISIBLE_DEVICES")
            assert not caplog.records
            visible(found, "MIG-1234", "CUDA_VISIBLE_DEVICES")
        assert "MIG-1234" in caplog.text


class TestAmd:
    def test_amd_smi_of_rocm_7_is_read(self) -> None:
        first, second = parse_amd_smi(recorded("amd_smi_mi300x.json"))
        assert (first.index, first.name) == (0, "AMD Instinct MI300X")
        assert first.memory_bytes == 196592 << 20
        assert first.facts["gpu_cores"] == 304
        assert first.facts["power_limit_watts"] == 750.0
        assert first.facts["driver"] == "6.16.6"
        assert second.index == 1
        assert second.facts["device_uuid"] == "GPU-36e925d815189854"

    def test_amd_smi_of_rocm_6_is_read_past_its_warnings(self) -> None:
        text = "WARNING: user is not in the group 'render'\n" + recorded("amd_smi_navi21.json")
        (gpu,) = parse_amd_smi(text)
        assert gpu.name == "Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]"  # more than "NAVI21" says
        assert gpu.facts["power_limit_watts"] == 255.0
        assert gpu.facts["device_uuid"] is None

    @pytest.mark.parametrize("spell", [str, str.capitalize])
    def test_rocm_smi_is_read_in_either_spelling(self, spell: Callable[[str], str]) -> None:
        content = json.loads(recorded("rocm_smi_mi250.json"))
        text = json.dumps(
            {
                card: {spell(key): value for key, value in keys.items()}
                for card, keys in content.items()
            }
        )
        first, second = parse_rocm_smi(text)
        assert first.name == "AMD INSTINCT MI250 (MCM) OAM AC MBA"
        assert first.memory_bytes == 68702699520
        assert first.facts["power_limit_watts"] == 560.0
        assert first.facts["driver"] == "6.8.5"
        assert first.facts["device_uuid"] == "GPU-1d0a77f3a1a4b5c6"
        # The second die has neither a limit nor a number of its own.
        assert second.facts["power_limit_watts"] is None
        assert second.facts["device_uuid"] is None

    @pytest.mark.parametrize(
        "text", ["", "no", "{", "[]", "{}", '{"card0": {}}', '"x"', "[1]", "null"]
    )
    def test_garbage_is_no_gpu(self, text: str) -> None:
        assert parse_amd_smi(text) == ()
        assert parse_rocm_smi(text) == ()

    def test_sections_may_be_missing_or_not_available(self) -> None:
        (gpu,) = parse_amd_smi('[{"asic": "N/A", "vram": null, "limit": {"ppt0": "N/A"}}]')
        assert (gpu.index, gpu.name, gpu.memory_bytes) == (0, None, None)
        assert set(gpu.facts.values()) == {"rocm", None}

    def test_the_tools_are_asked_when_the_library_fails(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def output(program: str, *_: str, folder: str | None = None) -> str:
            return recorded("rocm_smi_mi250.json") if program == "rocm-smi" else ""

        broken = ModuleType("amdsmi")  # has none of the functions
        monkeypatch.setitem(sys.modules, "amdsmi", broken)
        monkeypatch.setattr(amd, "output", output)
        monkeypatch.setattr(amd, "KFD", tmp_path)
        monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "1")
        monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")  # of those that ROCm's runtime leaves
        assert [gpu.index for gpu in amd.gpus()] == [1]

    def test_the_library_is_read_as_the_tool_is(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        tool = json.loads(recorded("amd_smi_mi300x.json"))["gpu_data"]
        library: Any = ModuleType("amdsmi")
        library.AmdSmiMemoryType = SimpleNamespace(VRAM=0)
        library.amdsmi_init = library.amdsmi_shut_down = lambda: None
        library.amdsmi_get_processor_handles = lambda: tool
        library.amdsmi_get_gpu_asic_info = lambda item: item["asic"]
        library.amdsmi_get_gpu_board_info = lambda item: item["board"]
        library.amdsmi_get_gpu_device_bdf = lambda item: item["bus"]["bdf"]
        library.amdsmi_get_gpu_driver_info = lambda _: {"driver_version": "6.16.6"}
        library.amdsmi_get_power_cap_info = lambda _: {"power_cap": 750_000_000}  # microwatts
        library.amdsmi_get_gpu_memory_total = lambda *_: 196592 << 20
        library.amdsmi_get_gpu_vram_info = lambda _: {"vram_bit_width": 8192}
        monkeypatch.setitem(sys.modules, "amdsmi", library)
        monkeypatch.setattr(amd, "KFD", tmp_path)
        monkeypatch.delenv("ROCR_VISIBLE_DEVICES", raising=False)
        monkeypatch.delenv("HIP_VISIBLE_DEVICES", raising=False)
        assert amd.gpus() == parse_amd_smi(recorded("amd_smi_mi300x.json"))


class TestApple:
    def test_the_gpu_of_apple_silicon_is_read(self) -> None:
        (gpu,) = apple.parse_displays(recorded("system_profiler_m2_max.json"), 64 * GIB)
        assert (gpu.name, gpu.vendor, gpu.memory_bytes) == ("Apple M2 Max", "apple", 64 * GIB)
        assert gpu.facts["gpu_cores"] == 38
        assert gpu.facts["compute_capability"] == "metal3"

    def test_the_older_form_is_read(self) -> None:
        (gpu,) = apple.parse_displays(recorded("system_profiler_m1.json"), 8 * GIB)
        assert (gpu.name, gpu.facts["gpu_cores"]) == ("Apple M1", 8)

    def test_of_an_intel_mac_the_amd_gpu_counts(self) -> None:
        (gpu,) = apple.parse_displays(recorded("system_profiler_intel_mac.json"), 32 * GIB)
        assert (gpu.name, gpu.vendor, gpu.index) == ("AMD Radeon Pro 5500M", "amd", 0)
        assert gpu.memory_bytes == 8 * GIB

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"SPDisplaysDataType": [null, {}]}'])
    def test_garbage_is_no_gpu(self, text: str) -> None:
        assert apple.parse_displays(text, None) == ()

    def test_cores_of_two_kinds_are_told_apart(self) -> None:
        found = apple.parse_cpu(apple.parse_sysctl(recorded("sysctl_m2_max.txt")))
        assert (found.name, found.vendor) == ("Apple M2 Max", "apple")
        assert (found.performance_cores, found.efficiency_cores) == (8, 4)
        assert found.virtual is False

    def test_an_intel_mac_has_one_kind(self) -> None:
        found = apple.parse_cpu(apple.parse_sysctl(recorded("sysctl_intel_mac.txt")))
        assert (found.vendor, found.performance_cores) == ("intel", None)
        assert found.cache_bytes == 16 << 20


class TestCpu:
    @pytest.mark.parametrize(
        ("file", "name", "vendor", "virtual"),
        [
            ("cpuinfo_xeon_vm.txt", "Intel(R) Xeon(R) CPU @ 2.20GHz", "intel", True),
            ("cpuinfo_epyc_vm.txt", "AMD EPYC", "amd", True),
            ("cpuinfo_neoverse_n1.txt", "Neoverse-N1", "arm", None),
            ("cpuinfo_rk3588.txt", "Cortex-A55 + Cortex-A76", "arm", None),
        ],
    )
    def test_linux_names_it(self, file: str, name: str, vendor: str, virtual: bool | None) -> None:
        found = parse_cpuinfo(recorded(file), board="a board")
        assert (found.name, found.vendor, found.virtual) == (name, vendor, virtual)

    def test_vector_extensions_are_in_order(self) -> None:
        assert parse_cpuinfo(recorded("cpuinfo_xeon_vm.txt")).vector_extensions == "avx,avx2,fma"
        arm = parse_cpuinfo(recorded("cpuinfo_neoverse_n1.txt"))
        assert arm.vector_extensions == "asimd,asimddp"

    def test_an_unknown_arm_core_is_called_after_its_board_or_its_number(self) -> None:
        text = recorded("cpuinfo_neoverse_n1.txt").replace("0xd0c", "0xfff")
        assert parse_cpuinfo(text, board="Some Board").name == "Some Board"
        assert parse_cpuinfo(text).name == "arm part 0x41 0xfff"

    @pytest.mark.parametrize("text", ["", "\0", "::::", "CPU implementer: x\nCPU part: y"])
    def test_garbage_names_nothing(self, text: str) -> None:
        assert parse_cpuinfo(text) == cpu.Cpu()

    def test_threads_of_one_core_are_one_core(self, tmp_path: Path) -> None:
        for number, core in enumerate((0, 0, 1, 1, 2)):
            topology = tmp_path / f"system/cpu/cpu{number}/topology"
            topology.mkdir(parents=True)
            (topology / "core_id").write_text(f"{core}\n")
            (topology / "physical_package_id").write_text("0\n")
        assert cpu.cores_of("0-3,4\n", tmp_path) == 3
        assert cpu.cores_of("0-9", tmp_path) is None
        assert cpu.cores_of("", tmp_path) is None


class TestCommand:
    def test_what_a_program_prints_counts_even_when_it_fails(self) -> None:
        assert command.output(sys.executable, "-c", "print(1); exit(3)").split() == ["1"]

    def test_a_missing_program_tells_nothing(self) -> None:
        assert command.output("no-such-program-here", folder="/nowhere") == ""

    def test_a_slow_program_tells_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "TIMEOUT_SECONDS", 0.05)
        assert command.output(sys.executable, "-c", "import time; time.sleep(60)") == ""
