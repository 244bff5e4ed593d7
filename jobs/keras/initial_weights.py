"""Initial weights: the same on every backend and every machine, for the same seed.

Keras draws them with the backend's own generator, so a seed gives other weights on each, and the
losses of two backends differ from the first step on, whether or not both compute rightly. Drawn by
numpy instead, from the same distributions, the first losses agree to a few roundings wherever the
data is the same and nothing else is random: a device that computes wrongly shows at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Callable[[np.random.RandomState, Shape], "NDArray[np.float64]"]

SAME = "the same on every backend"
OWN = "the backend's own"
CUT = 2.0  # standard deviations from the mean, beyond which a truncated normal is drawn again
# Of a standard normal distribution that is cut there: sqrt(1 - 2 CUT φ(CUT) / (2 Φ(CUT) - 1)).
CUT_DEVIATION = 0.87962566103423978


class UnknownInitializerError(ValueError):
    """A weight that was drawn at random, from a distribution that is not known here."""


def draw(
    model: keras.Model, seed: int, *, keep: Collection[keras.Layer] = (), strict: bool = False
) -> bool:
    """Replace every weight that was drawn at random by numpy's draw from the same distribution.

    What that is, each layer's initializers say. Weights that begin as constants stay: biases, an
    LSTM's forget gate, batch normalisation. So do those of the layers in `keep`, and of whatever
    is inside them: weights that were read from a file.

    numpy's legacy generator, because its stream is frozen; one for each weight, seeded by `seed`
    and the weight's place among those that are drawn. Uniform draws are the same bits everywhere;
    normal and orthogonal ones are computed in float64 by the machine's own libraries, which may
    move the last bit of a few float32.

    Returns whether the weights are now the same everywhere. If one of them is from a distribution
    that is not known here, nothing is changed; with `strict`, UnknownInitializerError is raised.
    """
    try:
        drawn = list(_drawn(model, keep))
    except UnknownInitializerError:
        if strict:
            raise
        return False
    for place, (weight, initial) in enumerate(drawn):
        random = np.random.RandomState([seed, place])
        weight.assign(initial(random, tuple(weight.shape)).astype(np.float32))
    return True


def _drawn(model: keras.Model, keep: Collection[keras.Layer]) -> Iterator[tuple[Any, Draw]]:
    kept = {id(weight) for layer in keep for weight in layer.weights}
    owners = {
        id(weight): layer  # the layer itself, not one that it is inside of
        for layer in model._flatten_layers()
        for weight in (*layer._trainable_variables, *layer._non_trainable_variables)
    }
    for weight in model.weights:
        if id(weight) not in kept and (initial := _initial(owners[id(weight)], weight)):
            yield weight, initial


def _initial(layer: Any, weight: Any) -> Draw | None:
    """Return how the weight is drawn; None: it begins as a constant."""
    import keras

    name = str(weight.name)
    fields = [f"{name}_initializer", f"{name.removesuffix('_kernel')}_initializer"]
    if name == "kernel":
        fields.append("depthwise_initializer")  # of DepthwiseConv2D
    initializer = next((getattr(layer, field) for field in fields if hasattr(layer, field)), None)
    if initializer is None:
        if _is_zeros_or_ones(weight):
            return None
        raise UnknownInitializerError(
            f"{weight.path}: {type(layer).__name__} does not say how its weight {name!r} is drawn; "
            f"keep the initializer in the layer's {name}_initializer"
        )
    known = keras.initializers
    if isinstance(initializer, (known.Zeros, known.Ones, known.Constant, known.Identity)):
        return None
    for family, make in (
        (known.VarianceScaling, variance_scaling),
        (known.RandomNormal, random_normal),
        (known.TruncatedNormal, truncated_normal),
        (known.RandomUniform, random_uniform),
        (known.Orthogonal, orthogonal),
    ):
        # A subclass that draws in its own way is not of the family.
        if isinstance(initializer, family) and type(initializer).__call__ is family.__call__:
            return make(initializer)
    raise UnknownInitializerError(
        f"{weight.path}: the distribution of {type(initializer).__name__} is not known here; take "
        f"one of Keras's initializers"
    )


def variance_scaling(of: Any) -> Draw:
    """Return draws with the variance scale ÷ fan, uniform or (truncated) normal around zero.

    Glorot's: scale 1, the mean of fan-in and fan-out (X. Glorot, Y. Bengio, 'Understanding the
    difficulty of training deep feedforward neural networks', 2010, eq. 16). He's: scale 2, fan-in
    (K. He et al., 'Delving deep into rectifiers', 2015, eq. 10). LeCun's: scale 1, fan-in.
    """

    def initial(random: np.random.RandomState, shape: Shape) -> NDArray[np.float64]:
        fan_in, fan_out = fans(
            shape, getattr(of, "input_axes", None), getattr(of, "output_axes", None)
        )
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[of.mode]
        deviation = math.sqrt(of.scale / max(1.0, fan))
        if of.distribution == "uniform":
            return _uniform(random, shape, math.sqrt(3) * deviation)
        if of.distribution == "untruncated_normal":
            return deviation * random.standard_normal(shape)
        return deviation / CUT_DEVIATION * _cut_normal(random, shape)

    return initial


def random_normal(of: Any) -> Draw:
    """Return draws from a normal distribution."""
    return lambda random, shape: of.mean + of.stddev * random.standard_normal(shape)


def truncated_normal(of: Any) -> Draw:
    """Return draws from a normal distribution cut at two deviations; `stddev` is before the cut."""
    return lambda random, shape: of.mean + of.stddev * _cut_normal(random, shape)


def random_uniform(of: Any) -> Draw:
    """Return draws from a uniform distribution."""
    half = (of.maxval - of.minval) / 2
    return lambda random, shape: of.minval + half + _uniform(random, shape, half)


def orthogonal(of: Any) -> Draw:
    """Return random orthogonal matrices, all equally likely, all but the last axis as rows.

    The Q of a normal matrix, with the signs of R's diagonal (A. Saxe, J. McClelland, S. Ganguli,
    'Exact solutions to the nonlinear dynamics of learning in deep linear neural networks', 2013;
    F. Mezzadri, 'How to generate random matrices from the classical compact groups', 2007).
    """

    def initial(random: np.random.RandomState, shape: Shape) -> NDArray[np.float64]:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = random.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diag(r))
        return np.asarray(of.gain * (q.T if rows < columns else q).reshape(shape))

    return initial


def fans(
    shape: Shape,
    input_axes: Collection[int] | None = None,
    output_axes: Collection[int] | None = None,
) -> tuple[int, int]:
    """Return how many inputs reach an output, and how many outputs an input: fan-in and fan-out.

    The last axis is the outputs', the one before it the inputs', and the rest is the extent of a
    convolution, unless the axes are given.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[at] for at in input_axes), math.prod(shape[at] for at in output_axes)
    if len(shape) < 2:
        only = shape[0] if shape else 1
        return only, only
    extent = math.prod(shape[:-2])
    return shape[-2] * extent, shape[-1] * extent


def _uniform(random: np.random.RandomState, shape: Shape, limit: float) -> NDArray[np.float64]:
    drawn = random.random_sample(shape)
    drawn *= 2 * limit
    drawn -= limit
    return drawn


def _cut_normal(random: np.random.RandomState, shape: Shape) -> NDArray[np.float64]:
    drawn = random.standard_normal(math.prod(shape))
    while len(beyond := np.flatnonzero(np.abs(drawn) > CUT)):
        drawn[beyond] = random.standard_normal(len(beyond))
    return drawn.reshape(shape)


def _is_zeros_or_ones(weight: Any) -> bool:
    import keras

    values = keras.ops.convert_to_numpy(weight.value)
    return bool(np.all(values == 0) or np.all(values == 1))
