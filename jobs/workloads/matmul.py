"""Matrix product: how fast the device multiplies, by precision and size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

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

CHECKED = 32  # rows and as many columns, whose elements are computed again on the host
# By precision: the type of the arrays, and the unit roundoff of the least exact number involved.
# TF32 keeps 11 bits of a factor's significand, the implicit one included.
TYPES = {
    "float32": ("float32", 2.0**-24),
    "tf32": ("float32", 2.0**-11),
    "float16": ("float16", 2.0**-11),
    "bfloat16": ("bfloat16", 2.0**-8),
}


class MatmulParameters(Parameters):
    """How large the matrices are."""

    size: int = Field(
        4096,
        ge=16,
        le=131_072,
        description="Rows, and columns, of each of the two square matrices. A large GPU reaches "
        "its peak from about 8192 on; two CPU cores do from 1024 on.",
    )


class Matmul(Workload):
    """C = A·B of square matrices that lie on the device, again and again.

    Inputs and outputs are of the cell's type; what is added up in between is the library's choice.
    `float32` is float32 in every step, not TF32. In turn A·B and B·A are computed (see `Kernel`).
    Elements are drawn evenly from [-1, 1), so those of C have a standard deviation of √n ÷ 3, far
    within float16's range. A product is 2n³ operations: n³ multiplications, and as many additions.
    """

    summary = "product of two square matrices: the arithmetic that the device achieves"
    source = (
        "the farm's own: the product of square matrices, as in the LINPACK tradition "
        "(Dongarra et al. 1979), 2n³ operations each"
    )
    parameters = MatmulParameters
    optimizer = None
    batched = False
    jits = False
    smallest: ClassVar[dict[str, Scalar]] = {"size": 256}
    precisions = ("float32", "tf32", "float16", "bfloat16")
    data_sources = ("generated",)
    modes = ("run",)
    protocols = ("steady",)
    data_pipelines = ("staged",)

    def run(self, job: JobSpec, clock: Clock) -> Measurement:
        """Time products, and compare 1,024 elements of the last with the host's own."""
        cell = job.cell
        backend = kernels.backend_of(cell)
        size = _size(cell)
        dtype, roundoff = TYPES[cell.precision or "float32"]
        random = np.random.RandomState(job.seed)
        first, second = (
            device_arrays.put(device_arrays.random_array(random, (size, size)), dtype)
            for _ in range(2)
        )
        kernel = Kernel(
            operands=(first, second),
            compute=PRODUCTS[backend](),
            wait=keras_device.wait_for,
            result=None if backend == "tensorflow" else _zeros_like(first),
        )
        return kernels.measure(
            kernel,
            lambda done: check(done, size, roundoff, random),
            job,
            clock,
            item="products",
            items=1,
            flops=2.0 * size**3,
        )

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Demand that the product is right."""
        return {"correct": 1.0}

    def memory_needed(self, cell: Cell) -> int:
        """Return the bytes of the two matrices and their product."""
        element = 2 if cell.precision in ("float16", "bfloat16") else 4
        return 3 * element * _size(cell) ** 2

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return that JAX compiles the product by itself, and the others call a library."""
        return {"jit_compile": cell.backend == "jax"}


def check(kernel: Kernel, size: int, roundoff: float, random: np.random.RandomState) -> Check:
    """Compare random rows × columns of the last product with the same in float64, on the host.

    The error is that of the whole sample, ‖Ĉ - C‖ ÷ ‖C‖ in the Frobenius norm, from the factors as
    the device holds them. The bound is 2u·‖|A||B|‖ ÷ ‖C‖, u being the unit roundoff: for any order
    of summation |Ĉ - C| ≤ γₙ|A||B|, γₙ = nu ÷ (1 - nu) (N. J. Higham, 'Accuracy and stability of
    numerical algorithms', 2nd ed. 2002, section 3.5), and for random factors of mean zero, as here,
    the constant is a small multiple of u whatever n is (N. J. Higham, T. Mary, 'Sharper
    probabilistic backward error analysis for basic linear algebra kernels with random data', SIAM
    J. Sci. Comput. 42, 2020). It is at most ½: a product that has nothing to do with the factors
    is off by 1 or more. TF32 in the name of float32 exceeds the bound of float32 30 times with a
    size of 16,384, and 140 times with 1,024.
    """
    count = min(CHECKED, size)
    rows, columns = (np.sort(random.permutation(size)[:count]) for _ in range(2))
    left, right = kernel.ordered
    factor, other = device_arrays.read(left, rows), device_arrays.read(right, columns, axis=1)
    found = device_arrays.read(kernel.result, rows)[:, columns]
    return error_of(found, factor, other, roundoff)


def error_of(
    found: NDArray[Any], factor: NDArray[Any], other: NDArray[Any], roundoff: float
) -> Check:
    """Return how far `found` is from the product of the two, and how far it may be; see `check`."""
    exact = factor @ other
    norm = float(np.linalg.norm(exact))
    most = 2 * roundoff * float(np.linalg.norm(np.abs(factor) @ np.abs(other))) / norm
    return Check(relative_error=float(np.linalg.norm(found - exact)) / norm, bound=min(0.5, most))


def _size(cell: Cell) -> int:
    return MatmulParameters.model_validate(cell.parameters).size


def _zeros_like(array: Any) -> Any:
    import keras

    return keras.ops.zeros_like(array)


def _tensorflow() -> Callable[[Any, Any, Any], Any]:
    import tensorflow as tf

    return lambda x, y, before: tf.linalg.matmul(x, y)


def _torch() -> Callable[[Any, Any, Any], Any]:
    import torch

    return lambda x, y, before: torch.matmul(x, y, out=before)


def _jax() -> Callable[[Any, Any, Any], Any]:
    import jax

    # The old result is given away, to be written over; without it the next could not begin, so
    # products follow one another.
    return jax.jit(  # type: ignore[no-any-return]
        lambda x, y, before: x @ y, donate_argnums=2, keep_unused=True
    )


PRODUCTS: dict[Backend, Callable[[], Callable[[Any, Any, Any], Any]]] = {
    "tensorflow": _tensorflow,
    "torch": _torch,
    "jax": _jax,
}

WORKLOAD = Matmul()
