"""The control group of this process: how much of the machine a container may use (Linux)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# Version 1 writes "no limit" as the largest multiple of the page size below 2**63.
NO_LIMIT_BYTES = 1 << 60


def cpu_quota_cores(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float | None:
    """Return the CPU time this process may use, in cores; None where it is not limited.

    The limits of the groups above it hold too, so the smallest counts. Reads cgroup v2's `cpu.max`
    and v1's `cpu.cfs_quota_us`.
    """
    quotas = [
        quota
        for folder in _folders(root, membership, "cpu")
        for quota in (
            parse_cpu_max(_read(folder / "cpu.max")),
            parse_cpu_max(
                f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
            ),
        )
        if quota is not None
    ]
    return min(quotas, default=None)


def memory_limit_bytes(root: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Return the memory this process may use; None where it is not limited."""
    limits = [
        limit
        for folder in _folders(root, membership, "memory")
        for limit in (
            parse_limit(_read(folder / "memory.max")),
            parse_limit(_read(folder / "memory.limit_in_bytes")),
        )
        if limit is not None
    ]
    return min(limits, default=None)


def parse_cpu_max(text: str) -> float | None:
    """Read ``<quota> <period>`` in microseconds: ``50000 100000`` is half a core, ``max`` none."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return None
    quota, period = map(int, words)
    return quota / period if quota and period else None


def parse_limit(text: str) -> int | None:
    """Read a number of bytes; ``max`` and version 1's largest number mean no limit."""
    word = text.strip()
    return int(word) if word.isdigit() and 0 < int(word) < NO_LIMIT_BYTES else None


def _folders(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """Give the folders of this process's group and of every group above it, for both versions.

    In a container the path may be the host's, of which only the top is mounted here: a folder that
    is not there is simply not read.
    """
    for line in _read(membership).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" and not controllers:
            mounts = [root, root / "unified"]
        elif controller in controllers.split(","):
            mounts = [root / controllers, root / controller]
        else:
            continue
        group = Path(path.lstrip("/"))
        for mount in mounts:
            for part in (group, *group.parents):
                yield mount / part


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
