"""AMD's GPUs on Linux: asked through the library `amdsmi`, else `amd-smi`, else `rocm-smi`.

A GPU's number is the one that `amd-smi` prints. HIP may number them otherwise: with several GPUs
the UUID tells which is meant. ROCR_VISIBLE_DEVICES and then HIP_VISIBLE_DEVICES, where they are
set, hide GPUs here as they do from HIP, but renumber none.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from workers.probes.amd_output import parse_amd_smi, parse_rocm_smi, parse_static
from workers.probes.command import output
from workers.probes.gpu import Gpu, visible

KFD = Path("/dev/kfd")  # the compute driver; without it no ROCm program runs
ROCM_FOLDER = "/opt/rocm/bin"
ROCM_SMI = (
    "rocm-smi",
    "--showproductname",
    "--showmeminfo",
    "vram",
    "--showdriverversion",
    "--showmaxpower",
    "--showuniqueid",
    "--json",
)


def gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that programs here may use; none without the driver or a tool that tells."""
    if not KFD.exists():
        return ()
    found = (
        parse_static(_ask_library())
        or parse_amd_smi(output("amd-smi", "static", "--json", folder=ROCM_FOLDER))
        or parse_rocm_smi(output(*ROCM_SMI, folder=ROCM_FOLDER))
    )
    for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        found = visible(found, os.environ.get(variable), variable)
    return found


def _ask_library() -> list[dict[str, Any]]:
    """Return what the library `amdsmi` says, in the form of amd-smi's ``static``."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints when its driver is missing
            import amdsmi

            amdsmi.amdsmi_init()
    except Exception:  # noqa: BLE001 - without its driver the binding raises whatever comes
        return []
    try:
        return [
            _ask_one(amdsmi, number, handle)
            for number, handle in enumerate(amdsmi.amdsmi_get_processor_handles())
        ]
    except Exception:  # noqa: BLE001
        return []
    finally:
        with contextlib.suppress(Exception):
            amdsmi.amdsmi_shut_down()


def _ask_one(library: Any, number: int, handle: Any) -> dict[str, Any]:
    def answer(question: str, *arguments: Any) -> Any:
        try:
            return getattr(library, question)(handle, *arguments)
        except Exception:  # noqa: BLE001 - AttributeError in old releases, AmdSmiException else
            return None

    memory_type = getattr(getattr(library, "AmdSmiMemoryType", None), "VRAM", None)
    microwatts = (answer("amdsmi_get_power_cap_info") or {}).get("power_cap")
    return {
        "gpu": number,
        "asic": answer("amdsmi_get_gpu_asic_info"),
        "board": answer("amdsmi_get_gpu_board_info"),
        "bus": {"bdf": answer("amdsmi_get_gpu_device_bdf")},
        "driver": {
            "version": (answer("amdsmi_get_gpu_driver_info") or {}).get("driver_version"),
        },
        "limit": {
            "socket_power": microwatts / 1e6 if isinstance(microwatts, int) else None,
        },
        "vram": {
            "size": {"value": answer("amdsmi_get_gpu_memory_total", memory_type), "unit": "B"},
            "bit_width": (answer("amdsmi_get_gpu_vram_info") or {}).get("vram_bit_width"),
        },
    }
