"""Cpu: the machine's processor, and how Linux describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from workers.probes import arm

CPUINFO = Path("/proc/cpuinfo")
BOARD = Path("/proc/device-tree/model")
SYSTEM = Path("/sys/devices")

# Those that decide how fast the backends' kernels are, in the order of their age.
VECTOR_EXTENSIONS = (
    *("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16"),
    *("asimd", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme"),
)
_X86_VENDORS = {"GenuineIntel": "intel", "AuthenticAMD": "amd", "HygonGenuine": "hygon"}
_VENDOR_WORDS = ("intel", "amd", "apple", "ampere", "nvidia", "qualcomm")
_NUMBERS = re.compile(r"0x[0-9a-f]+ 0x[0-9a-f]+", re.IGNORECASE)
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """The processor of a machine; None is what it does not tell."""

    name: str | None = None  # full, as it calls itself
    vendor: str | None = None
    performance_cores: int | None = None  # of the fastest kind, where there are kinds
    efficiency_cores: int | None = None  # of all other kinds
    cache_bytes: int | None = None  # the last level that the first CPU can use
    vector_extensions: str | None = None  # some of VECTOR_EXTENSIONS
    virtual: bool | None = None  # the machine is a virtual one


def linux_cpu() -> Cpu:
    """Return what Linux tells of the processor."""
    found = parse_cpuinfo(_read(CPUINFO), board=_read(BOARD).rstrip("\0"))
    fast = cores_of(_read(SYSTEM / "cpu_core/cpus"))
    slow = cores_of(_read(SYSTEM / "cpu_atom/cpus"))
    return Cpu(
        name=found.name,
        vendor=found.vendor,
        performance_cores=fast if slow else None,
        efficiency_cores=slow if fast else None,
        cache_bytes=_last_cache(),
        vector_extensions=found.vector_extensions,
        virtual=found.virtual,
    )


def parse_cpuinfo(text: str, board: str = "") -> Cpu:
    """Read /proc/cpuinfo.

    Arm's gives numbers instead of a name, one pair for each core: different ones are joined by
    " + ". Where even these are unknown, the board's name (the device tree's model) has to do.
    """
    fields: dict[str, str] = {}
    parts: dict[str, None] = {}
    implementer: str | None = None
    for line in text.splitlines():
        key, _, value = (word.strip() for word in line.partition(":"))
        fields.setdefault(key.lower(), value)
        if key == "CPU implementer":
            implementer = value
        elif key == "CPU part" and implementer and _NUMBERS.fullmatch(f"{implementer} {value}"):
            parts[f"{implementer} {value}"] = None
    name = fields.get("model name") or fields.get("uarch") or fields.get("cpu model")
    vendor = _X86_VENDORS.get(fields.get("vendor_id", "")) or vendor_in(name)
    if parts:
        name, vendor = _arm_name(list(parts), board)
    flags = set((fields.get("flags") or fields.get("features") or "").split())
    vectors = [extension for extension in VECTOR_EXTENSIONS if extension in flags]
    return Cpu(
        name=name or board or None,
        vendor=vendor,
        vector_extensions=",".join(vectors) or None,
        # Only x86 says so; on Arm a virtual machine looks like a real one.
        virtual="hypervisor" in flags if "flags" in fields else None,
    )


def vendor_in(name: str | None) -> str | None:
    """Return the vendor that a processor's name begins with or mentions, if any."""
    words = re.findall(r"[a-z]+", (name or "").lower())
    return next((vendor for vendor in _VENDOR_WORDS if vendor in words), None)


def cores_of(cpu_list: str, system: Path = SYSTEM) -> int | None:
    """Return how many physical cores the CPUs of a kernel list (``0-15``) sit on, or None."""
    cores = set()
    for part in filter(None, cpu_list.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return None
        for cpu in range(int(first), int(last or first) + 1):
            topology = system / f"system/cpu/cpu{cpu}/topology"
            core = (_read(topology / "physical_package_id"), _read(topology / "core_id"))
            if not all(core):
                return None
            cores.add(core)
    return len(cores) or None


def _arm_name(parts: list[str], board: str) -> tuple[str | None, str | None]:
    numbers = [(int(maker, 16), int(part, 16)) for maker, part in map(str.split, parts)]
    vendor = arm.vendor(numbers[0][0])
    names = [arm.core_name(*number) for number in numbers]
    known = [name for name in names if name]
    if known:
        return " + ".join(known), vendor
    return board or f"{vendor or 'Arm'} part {parts[0]}", vendor


def _last_cache(system: Path = SYSTEM) -> int | None:
    best: tuple[int, int] = (0, 0)
    for index in (system / "system/cpu/cpu0/cache").glob("index*"):
        level, size = _read(index / "level"), re.fullmatch(r"(\d+)([KMG]?)", _read(index / "size"))
        if level.isdigit() and size:
            best = max(best, (int(level), int(size[1]) * _SIZES[size[2]]))
    return best[1] or None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
