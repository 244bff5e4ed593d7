"""CPUs: which of the machine's this process may use, and as many threads as there are of them.

A backend left to itself starts a thread for every core it sees, which in a container or under an
affinity are more than it may use: PyTorch pinned to one core with two OpenMP threads trained 35
times slower. So the thread counts follow the affinity and the container's quota.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable

from jobs.errors import HardwareError, UsageError
from workers.probes.cgroup import cpu_quota_cores


def parse_cpus(text: str) -> tuple[int, ...]:
    """Read a list of CPUs, as in ``0-3,6``, into ascending numbers, each once.

    Raises UsageError for what is no such list and for CPUs that this process may not use.
    """
    usable = usable_cpus()
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if not _is_number(first) or (dash and not _is_number(last)):
            raise UsageError(
                f"CPUs {text!r}: {part.strip()!r} is neither a number nor a range; "
                f"accepted is a list such as 0-3,6"
            )
        low, high = int(first), int(last or first)
        if low > high:
            raise UsageError(f"CPUs {text!r}: the range {part.strip()!r} is reversed")
        # Before the range is written out: 0-4000000000 is a slip, not a machine.
        if high > usable[-1]:
            raise _not_usable(text, [high], usable)
        chosen |= set(range(low, high + 1))
    if missing := sorted(chosen.difference(usable)):
        raise _not_usable(text, missing, usable)
    return tuple(sorted(chosen))


def format_cpus(cpus: Iterable[int]) -> str:
    """Write CPUs as `parse_cpus` reads them: ``0-3,6``."""
    ranges: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)


def usable_cpus() -> tuple[int, ...]:
    """Return the CPUs this thread may run on; all of them where the system has no affinity."""
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        return tuple(sorted(affinity(0)))
    return tuple(range(os.cpu_count() or 1))


def thread_count() -> int:
    """Return how many threads can run at once: usable CPUs, within the container's CPU quota."""
    usable = len(usable_cpus())
    quota = cpu_quota_cores()
    return usable if quota is None else max(1, min(usable, math.ceil(quota)))


def pin(cpus: Iterable[int]) -> None:
    """Keep the calling thread, and every thread and process it starts from now on, to these CPUs.

    Raises HardwareError where the system has no affinity or refuses.
    """
    chosen = set(cpus)
    set_affinity = getattr(os, "sched_setaffinity", None)
    if set_affinity is None:
        raise HardwareError(
            f"CPUs {format_cpus(chosen)} cannot be kept to: this system (macOS among them) lets no "
            f"program choose its CPUs; leave --cpus out to use all {len(usable_cpus())}"
        )
    try:
        set_affinity(0, chosen)
    except OSError as error:
        raise HardwareError(
            f"the system refused CPUs {format_cpus(chosen)} ({error.strerror}); "
            f"this process may use {format_cpus(usable_cpus())}"
        ) from error


def thread_environment(threads: int) -> dict[str, str]:
    """Return the variables that give every backend so many threads, in a process not yet started.

    - TensorFlow reads `TF_NUM_INTRAOP_THREADS` and `TF_NUM_INTEROP_THREADS`, and nothing of OpenMP
      (2.21: its pools grow with the first two only). Setting either stops it from counting cores.
    - XLA's CPU client, which is JAX's, reads `PJRT_NPROC`, then `NPROC` (JAX 0.10; older releases
      know `NPROC` alone).
    - PyTorch and the BLAS libraries under it and NumPy read the rest: OpenMP's, OpenBLAS's, MKL's,
      Apple Accelerate's (`VECLIB_…`) and numexpr's.
    """
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    names = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "PJRT_NPROC",
        "NPROC",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
    return dict.fromkeys(names, str(threads))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _not_usable(text: str, missing: list[int], usable: tuple[int, ...]) -> UsageError:
    return UsageError(
        f"CPUs {text!r}: this process may not use CPU {format_cpus(missing)}; "
        f"it may use {format_cpus(usable)}"
    )
