"""The machine's memory: how much of it a job may still take, and how often the kernel killed."""

from __future__ import annotations

from pathlib import Path

import psutil

from workers.probes.cgroup import CGROUPS, MEMBERSHIP, _folders, _read, parse_limit

VMSTAT = Path("/proc/vmstat")
# MemAvailable is the kernel's estimate, and the last of it are the pages of running programs.
KEPT_BACK_SHARE = 0.05


def kills(vmstat: Path = VMSTAT, root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return a count that rises with every process that the kernel kills for memory.

    Of the whole machine, and of this process's control group, which a container may see alone; 0
    where neither is told.
    """
    group = next(
        (
            counted
            for folder in _folders(root, membership, "memory")
            for name in ("memory.events", "memory.oom_control")  # versions 2 and 1
            if (counted := _value(_read(folder / name), "oom_kill")) is not None
        ),
        0,
    )
    return group + (_value(_read(vmstat), "oom_kill") or 0)


def spare_bytes(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return the host memory that can be taken without harm to whatever else runs.

    What is available on the machine, and under the limit of every control group above this
    process, less a twentieth. Files in the page cache that can be dropped count as available.
    """
    available = [int(psutil.virtual_memory().available)]
    for folder in _folders(root, membership, "memory"):
        for limit_name, used_name, cache_name in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit = parse_limit(_read(folder / limit_name))
            used = parse_limit(_read(folder / used_name))
            if limit is not None and used is not None:
                cache = _value(_read(folder / "memory.stat"), cache_name) or 0
                available.append(limit - max(0, used - cache))
    return max(0, int(min(available) * (1 - KEPT_BACK_SHARE)))


def shared_bytes(pid: int | None) -> int:
    """Return what a fork of the process holds without taking more of the machine.

    That is its memory without files: of those a fork maps only what it uses, and they can be
    dropped. 0 where that is not told, or the process is gone.
    """
    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return max(0, info.rss - info.shared) if hasattr(info, "shared") else 0


def _value(text: str, name: str) -> int | None:
    """Return the number behind the name in lines of `name number`."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
