"""What AMD's tools print about its GPUs, and how to read it.

The forms follow the sources of amd-smi (ROCm 6 and 7) and of rocm-smi (ROCm 5 and 6).
"""

from __future__ import annotations

import json
import re
from typing import Any

from jobs.spec import Scalar
from workers.probes.gpu import Gpu

_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}  # AMD's tools mean binary units
# A code name or a family: the board may be called something more telling.
_GENERIC = re.compile(r"0x[0-9a-f]+|navi ?\d+|(?:amd )?radeon(?:\(tm\))? graphics", re.IGNORECASE)


def parse_amd_smi(text: str) -> tuple[Gpu, ...]:
    """Read ``amd-smi static --json``: a list of GPUs, from ROCm 6.4 on under ``gpu_data``."""
    content = _json(text)
    items = content.get("gpu_data") if isinstance(content, dict) else content
    return parse_static(items if isinstance(items, list) else [])


def parse_static(items: list[Any]) -> tuple[Gpu, ...]:
    """Read GPUs described as amd-smi's ``static`` does."""
    found = []
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        asic, vram, limit, driver, board, bus = (
            section if isinstance(section := item.get(key), dict) else {}
            for key in ("asic", "vram", "limit", "driver", "board", "bus")
        )
        # ROCm 7 lists several limits; the first is the sustained one.
        sustained = limit.get("ppt0")
        power = (
            sustained.get("socket_power_limit")
            if isinstance(sustained, dict)
            else limit.get("socket_power")
        )
        facts: dict[str, Scalar | None] = {
            "gpu_api": "rocm",
            "gpu_cores": _whole(asic.get("num_compute_units")),
            "compute_capability": _text(asic.get("target_graphics_version")),
            "driver": _text(driver.get("version")),
            "power_limit_watts": _number(power),
            "memory_bus_bits": _whole(vram.get("bit_width")),
            "pci_bus_id": _text(bus.get("bdf")),
            "device_uuid": _uuid(asic.get("asic_serial")),
        }
        names = [_text(asic.get("market_name")), _text(board.get("product_name"))]
        found.append(
            _gpu(
                _whole(item.get("gpu"), zero=True), position, names, _bytes(vram.get("size")), facts
            )
        )
    return tuple(found)


def parse_rocm_smi(text: str) -> tuple[Gpu, ...]:
    """Read ``rocm-smi --json``: an object a card, ``card0`` and so on, and one for the system.

    The keys' capitals changed between releases (``Card series``, ``Card Series``).
    """
    content = _json(text)
    if not isinstance(content, dict):
        return ()
    sections = {
        key: {name.lower(): value for name, value in section.items()}
        for key, section in content.items()
        if isinstance(section, dict)
    }
    driver = _text(sections.get("system", {}).get("driver version"))
    numbers = sorted(int(key[4:]) for key in sections if re.fullmatch(r"card\d+", key))
    found = []
    for position, number in enumerate(numbers):
        card = sections[f"card{number}"]
        names = [_text(card.get("card series")), _text(card.get("card model"))]
        memory = _whole(card.get("vram total memory (b)"))
        if memory is None and not any(names):
            continue
        facts: dict[str, Scalar | None] = {
            "gpu_api": "rocm",
            "compute_capability": _text(card.get("gfx version")),
            "driver": driver,
            "power_limit_watts": _number(card.get("max graphics package power (w)")),
            "device_uuid": _uuid(card.get("unique id")),
        }
        found.append(_gpu(number, position, names, memory, facts))
    return tuple(found)


def _gpu(
    number: int | None,
    position: int,
    names: list[str | None],
    memory_bytes: int | None,
    facts: dict[str, Scalar | None],
) -> Gpu:
    given = [name for name in names if name]
    telling = [name for name in given if not _GENERIC.fullmatch(name)]
    return Gpu(
        index=position if number is None else number,
        name=next(iter([*telling, *given]), None),
        vendor="amd",
        api="rocm",
        memory_bytes=memory_bytes,
        facts=facts,
    )


def _json(text: str) -> Any:
    # Warnings may come before the JSON.
    start = re.search(r"^[\[{]", text, re.MULTILINE)
    if start is None:
        return None
    try:
        return json.loads(text[start.start() :])
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return None if text.upper() in {"", "N/A", "NONE", "UNKNOWN"} else text


def _number(value: Any) -> float | None:
    """Read ``300``, ``"300.0"``, ``"300 W"`` or ``{"value": 300, "unit": "W"}``; zero is absent."""
    plain = value.get("value") if isinstance(value, dict) else value
    found = re.match(r"\d+(?:\.\d+)?", _text(plain) or "")
    return float(found[0]) or None if found else None


def _whole(value: Any, *, zero: bool = False) -> int | None:
    number = _number(value)
    if number is None:
        return 0 if zero and str(value) == "0" else None
    return int(number)


def _bytes(value: Any) -> int | None:
    number = _whole(value)
    if number is None:
        return None
    words = str(value.get("unit") if isinstance(value, dict) else value).split()
    unit = words[-1].upper() if words else ""
    return number * _UNITS.get(unit, 1)


def _uuid(value: Any) -> str | None:
    """Write a serial number as ROCm's runtime names the GPU: ``GPU-`` and 16 digits."""
    text = (_text(value) or "").lower().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-f]{1,16}", text) or not int(text, 16):
        return None
    return f"GPU-{text:0>16}"
