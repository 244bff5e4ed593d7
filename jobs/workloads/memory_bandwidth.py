"""Memory bandwidth: how fast the device moves large arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from jobs import device_arrays, kernels
from jobs.keras import device as keras_device
from jobs.kernels import Check, Kernel
from jobs.result import Measurement
from jobs.spec import Backend, Cell, JobSpec, Scalar
from jobs.workload import Clock, Parameters, Workload

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALAR = 3.0  # of the triad, as in STREAM
ROUNDOFF = 2.0**-24  # of float32
ELEMENT_BYTES = 4
CHECKED = 4096  # elements that are computed again on the host
ARRAYS_COUNTED = {"copy": 2, "triad": 3}  # read or written by one execution

Compute: TypeAlias = Callable[[Any, Any, Any], Any]  # of a Kernel


class MemoryBandwidthParameters(Parameters):
    """What is done, and with how large arrays."""

    kernel: Literal["copy", "triad"] = Field(
        "triad", description="Of STREAM: copy is a = b, triad is a = b + 3c."
    )
    array_mib: int = Field(
        256,
        ge=1,
        le=65_536,
        description="MiB of each of three float32 arrays. STREAM asks for four times all caches at "
        "least: 256 MiB are that up to 64 MiB of cache; take more for a CPU that has more.",
    )


class MemoryBandwidth(Workload):
    """STREAM's copy and triad on arrays that lie on the device.

    What counts as moved is what the kernel names: 2 arrays for copy, 3 for triad (J. D. McCalpin,
    'Memory bandwidth and machine balance in current high performance computers', IEEE TCCA
    Newsletter, 1995); a GB is 10⁹ bytes. A CPU that reads a line before it writes it moves half as
    much again for copy and a third more for triad; by STREAM's rule that is not counted.

    Each backend runs one pass over memory: PyTorch `copy_` and `add(b, c, alpha=3, out=a)`;
    TensorFlow and JAX the same compiled by XLA, into an array that is there already. Only
    TensorFlow on Apple's GPUs, which has no XLA, makes new arrays, the triad's 3c among them: two
    more that are moved and not counted. The sources b and c change places at every execution.
    """

    summary = "copy and triad of large arrays: the memory bandwidth that the device achieves"
    source = (
        "McCalpin 1995, 'Memory bandwidth and machine balance in current high performance "
        "computers' (STREAM): its copy and triad, in float32 instead of float64"
    )
    parameters = MemoryBandwidthParameters
    optimizer = None
    batched = False
    jits = False
    smallest: ClassVar[dict[str, Scalar]] = {"array_mib": 16}
    data_sources = ("generated",)
    modes = ("run",)
    protocols = ("steady",)
    data_pipelines = ("staged",)

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Time executions, and compare 4,096 elements of the last result with the host's own."""
        backend = kernels.backend_of(job.cell)
        parameters = MemoryBandwidthParameters.model_validate(job.cell.parameters)
        elements = (parameters.array_mib << 20) // ELEMENT_BYTES
        random = np.random.RandomState(job.seed)
        first, second = (
            device_arrays.put(device_arrays.random_array(random, (elements,)), "float32")
            for _ in range(2)
        )
        compute, result = KERNELS[backend](parameters.kernel, first)
        kernel = Kernel(
            operands=(first, second),
            compute=compute,
            wait=keras_device.wait_for,
            result=result,
        )
        return kernels.measure(
            kernel,
            lambda done: check(done, parameters.kernel, elements, random),
            job,
            clock,
            item="bytes",
            items=ARRAYS_COUNTED[parameters.kernel] * ELEMENT_BYTES * elements,
            flops=2.0 * elements if parameters.kernel == "triad" else 0.0,
        )

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Demand that the result is right."""
        return {"correct": 1.0}

    def memory_needed(self, cell: Cell) -> int:
        """Return the bytes of the three arrays."""
        return 3 * MemoryBandwidthParameters.model_validate(cell.parameters).array_mib << 20

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return whether XLA compiles the kernel."""
        return {"jit_compile": device_arrays.has_xla(kernels.backend_of(cell))}


def check(kernel: Kernel, name: str, elements: int, random: np.random.RandomState) -> Check:
    """Compare random elements of the last result, the first and the last among them.

    The error is the largest |â - a| ÷ (|b| + 3|c|). A copy has none. The triad rounds twice at
    most: 2u ÷ (1 - 2u), u being float32's unit roundoff (N. J. Higham, 'Accuracy and stability of
    numerical algorithms', 2nd ed. 2002, section 3.1).
    """
    rows = np.unique([0, elements - 1, *random.randint(0, elements, CHECKED)])
    left, right = (device_arrays.read(operand, rows) for operand in kernel.ordered)
    return error_of(device_arrays.read(kernel.result, rows), left, right, name)


def error_of(found: NDArray[Any], left: NDArray[Any], right: NDArray[Any], name: str) -> Check:
    """Return how far `found` is from the kernel's result, and how far it may be; see `check`."""
    times, bound = (0.0, 0.0) if name == "copy" else (SCALAR, 2 * ROUNDOFF / (1 - 2 * ROUNDOFF))
    scale = np.maximum(np.abs(left) + times * np.abs(right), np.finfo(np.float32).tiny)
    error = np.abs(found - (left + times * right)) / scale
    return Check(relative_error=float(error.max()), bound=bound)


def _tensorflow(name: str, like: Any) -> tuple[Compute, Any]:
    import tensorflow as tf

    if not device_arrays.has_xla("tensorflow"):
        one = tf.constant(1.0)  # a product, because TensorFlow's own copies only share the array
        return (lambda x, y, _: x * one if name == "copy" else x + SCALAR * y), None

    def kernel(x: Any, y: Any, result: Any) -> None:
        result.assign(x if name == "copy" else x + SCALAR * y, read_value=False)

    compiled = tf.function(kernel, jit_compile=True)

    def compute(x: Any, y: Any, result: Any) -> Any:
        compiled(x, y, result)
        return result

    return compute, tf.Variable(tf.zeros_like(like))


def _torch(name: str, like: Any) -> tuple[Compute, Any]:
    import torch

    def copy(x: Any, y: Any, result: Any) -> Any:
        return result.copy_(x)

    def triad(x: Any, y: Any, result: Any) -> Any:
        return torch.add(x, y, alpha=SCALAR, out=result)

    return {"copy": copy, "triad": triad}[name], torch.zeros_like(like)


def _jax(name: str, like: Any) -> tuple[Compute, Any]:
    import jax

    # The old result is given away, to be written over; without it the next could not begin.
    compute = jax.jit(
        lambda x, y, result: jax.numpy.copy(x) if name == "copy" else x + SCALAR * y,
        donate_argnums=2,
        keep_unused=True,
    )
    return compute, jax.numpy.zeros_like(like)


KERNELS: dict[Backend, Callable[[str, Any], tuple[Compute, Any]]] = {
    "tensorflow": _tensorflow,
    "torch": _torch,
    "jax": _jax,
}

WORKLOAD = MemoryBandwidth()
