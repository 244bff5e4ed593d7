"""Full names of hardware and the short names people use."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import NAME_PATTERN
from workers.naming import cpu_name, gpu_name, slug

GPUS = {
    "Tesla P100-PCIE-16GB": "p100",
    "NVIDIA GeForce RTX 2080 Ti": "rtx-2080-ti",
    "Tesla T4": "t4",
    "Tesla V100-SXM2-16GB": "v100",
    "Tesla K80": "k80",
    "NVIDIA A100-SXM4-80GB": "a100",
    "NVIDIA A100 80GB PCIe": "a100",
    "NVIDIA A100-SXM4-40GB MIG 1g.5gb": "a100-mig-1g.5gb",
    "NVIDIA H100 80GB HBM3": "h100",
    "NVIDIA H100 NVL": "h100-nvl",
    "NVIDIA H200": "h200",
    "NVIDIA GH200 480GB": "gh200",
    "NVIDIA L4": "l4",
    "Quadro RTX 6000": "rtx-6000",
    "Quadro P5000": "quadro-p5000",
    "NVIDIA RTX 6000 Ada Generation": "rtx-6000-ada",
    "NVIDIA RTX A6000": "rtx-a6000",
    "NVIDIA TITAN RTX": "titan-rtx",
    "TITAN X (Pascal)": "titan-x-pascal",
    "NVIDIA GeForce GTX 1060 3GB": "gtx-1060-3gb",
    "NVIDIA GeForce GTX 1660 Ti": "gtx-1660-ti",
    "NVIDIA GeForce GTX 1650 with Max-Q Design": "gtx-1650-max-q",
    "NVIDIA GeForce RTX 3060 Laptop GPU": "rtx-3060-laptop",
    "Apple M2 Max": "m2-max",
    "Apple M1": "m1",
    "AMD Instinct MI250X": "mi250x",
    "AMD INSTINCT MI250 (MCM) OAM AC MBA": "mi250",
    "Aqua Vanjaram [Instinct MI300A]": "mi300a",
    "AMD Radeon RX 7900 XTX": "rx-7900-xtx",
    "Navi 31 [Radeon RX 7900 XT/7900 XTX]": "rx-7900-xt-7900-xtx",
    "Radeon RX Vega 56": "rx-vega-56",
    "AMD Radeon VII": "radeon-vii",
    "Radeon Pro 5500M": "radeon-pro-5500m",
    "Intel(R) Arc(TM) A770 Graphics": "arc-a770-graphics",
    "": "unknown-gpu",
    "NVIDIA GPU": "unknown-gpu",
    "???": "unknown-gpu",
}
CPUS = {
    "Apple M2 Max": "m2-max-cpu",
    "Apple M1": "m1-cpu",
    "Apple M1 (Virtual)": "m1-virtual-cpu",
    "Apple processor": "unknown-cpu",
    "Intel(R) Xeon(R) CPU @ 2.20GHz": "xeon-2.20ghz",
    "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz": "xeon-platinum-8259cl",
    "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz": "xeon-e5-2686-v4",
    "Intel Xeon Processor (Skylake, IBRS)": "xeon-skylake-ibrs",
    "Intel(R) Core(TM) i7-9700K CPU @ 3.60GHz": "i7-9700k",
    "12th Gen Intel(R) Core(TM) i9-12900K": "i9-12900k",
    "Intel(R) Core(TM) Ultra 7 155H": "core-ultra-7-155h",
    "Intel(R) Core(TM) m3-7Y32 CPU @ 1.10GHz": "m3-7y32",
    "Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz": "core2-duo-e8400",
    "AMD Ryzen 9 5950X 16-Core Processor": "ryzen-9-5950x",
    "AMD Ryzen 7 5800H with Radeon Graphics": "ryzen-7-5800h",
    "AMD Ryzen AI 9 HX 370 w/ Radeon 890M": "ryzen-ai-9-hx-370",
    "AMD Ryzen Threadripper PRO 3995WX 64-Cores": "ryzen-threadripper-pro-3995wx",
    "AMD FX(tm)-8350 Eight-Core Processor": "fx-8350",
    "AMD EPYC": "epyc",
    "AMD EPYC 7B12": "epyc-7b12",
    "AMD EPYC 7763 64-Core Processor": "epyc-7763",
    "Neoverse-N1": "neoverse-n1",
    "Cortex-A55 + Cortex-A76": "cortex-a55-cortex-a76",
    "": "unknown-cpu",
    "\n": "unknown-cpu",
}
WORDS = st.sampled_from(
    sorted({word for full in (*GPUS, *CPUS) for word in full.split()} | set("[]-._+/"))
)
NAMES = st.text(max_size=90) | st.lists(WORDS, max_size=12).map(" ".join)


@pytest.mark.parametrize(("full", "short"), GPUS.items())
def test_a_gpu_is_called_what_people_call_it(full: str, short: str) -> None:
    assert gpu_name(full) == short


@pytest.mark.parametrize(("full", "short"), CPUS.items())
def test_a_cpu_is_called_what_people_call_it(full: str, short: str) -> None:
    assert cpu_name(full) == short


def test_what_has_no_name_is_unknown() -> None:
    assert (cpu_name(None), gpu_name(None)) == ("unknown-cpu", "unknown-gpu")


@given(NAMES)
def test_every_short_name_is_a_name_and_its_own_short_name(full: str) -> None:
    for shorten in (gpu_name, cpu_name):
        short = shorten(full)
        assert re.fullmatch(NAME_PATTERN, short)
        assert shorten(short) == short


@pytest.mark.parametrize("full", ["x" * 70, "word " * 30, "Apple M2 " + "x" * 70, "M" + "1" * 90])
def test_a_long_name_is_cut(full: str) -> None:
    for shorten in (gpu_name, cpu_name):
        assert re.fullmatch(NAME_PATTERN, shorten(full))
        assert shorten(shorten(full)) == shorten(full)


@given(NAMES)
def test_a_slug_is_a_name_or_nothing(text: str) -> None:
    assert slug(text) == "" or re.fullmatch(NAME_PATTERN, slug(text))
