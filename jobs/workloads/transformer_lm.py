"""Language model: a small GPT on generated text, counted in tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from jobs.datasets.text import SUCCESSORS, text
from jobs.keras.workload import KerasWorkload
from jobs.networks import transformer
from jobs.workload import Parameters

if TYPE_CHECKING:
    import keras

    from jobs.capabilities import Capabilities
    from jobs.dataset import Dataset
    from jobs.keras.network import Plan
    from jobs.spec import Cell, DataSource, JobSpec, Scalar

MOST = 1_000_000
SOURCE = (
    "the farm's own; layers as GPT-2's (Radford et al. 2019), the size that of nanoGPT's "
    "configuration for Shakespeare's characters (Karpathy 2022), without dropout, the head's "
    "weights its own"
)
# From so many steps, and tokens for each of the vocabulary's, on networks of at most this size,
# learning shows. Seen in 64 steps with AdamW: of 16,384 tokens in all, 512 for each of the
# vocabulary's, the loss falls by 0.38 and a token is guessed right 31 times in a hundred; of
# 65,536, 256 for each, by 0.55 and 26 times; with the default sizes already in 40 steps of 20,480
# tokens, 80 for each, by 0.54 and 26 times. Adam, Nadam and RMSprop do as AdamW does; plain SGD
# takes long, and nothing is asked of it.
LEARNING_STEPS = 64
LEARNING_TOKENS = 256
LARGEST_LAYERS, LARGEST_WIDTH = 6, 384
FLOORS = {"accuracy": 0.15, "loss_drop": 0.1}
SMALLEST_VOCABULARY = 16  # of a smaller one, too many are guessed right by chance
TESTED_TOKENS = 1_024
LONGEST_EPOCH = 500  # steps; the mean loss of a longer first epoch holds little of the fall


class TransformerParameters(Parameters):
    """The network's size and the text's; nanoGPT's baby GPT, a million tokens, by default.

    6 layers, 384 wide, 6 heads and 256 tokens are its published configuration; its text has
    1,115,394 characters. It has 65 kinds of them; a byte has 256 values.
    """

    layers: int = Field(6, ge=1, le=200, description="Blocks of attention and perceptron.")
    width: int = Field(
        384, ge=8, le=65_536, description="Numbers in a token's vector; a multiple of heads."
    )
    heads: int = Field(6, ge=1, le=1_024, description="Attention heads in a block.")
    context: int = Field(256, ge=2, le=65_536, description="Tokens in a sample.")
    vocabulary: int = Field(
        256, ge=2 * SUCCESSORS, le=1 << 20, description="Different tokens; a multiple of 4."
    )
    train_samples: int = Field(4_096, ge=1, le=MOST, description="Samples per epoch.")
    validation_samples: int = Field(
        512, ge=1, le=MOST, description="Samples validated with after every epoch."
    )
    test_samples: int = Field(512, ge=1, le=MOST, description="Samples tested with at the end.")

    @model_validator(mode="after")
    def _fit_together(self) -> TransformerParameters:
        if self.width % self.heads:
            raise ValueError(
                f"a width of {self.width} cannot be split into {self.heads} heads; take a multiple "
                f"of {self.heads}, or other heads"
            )
        if self.vocabulary % SUCCESSORS:
            raise ValueError(
                f"received a vocabulary of {self.vocabulary} tokens; accepted: a multiple of "
                f"{SUCCESSORS}"
            )
        return self


class TransformerLm(KerasWorkload):
    """Predicts each token's successor from those before it; a sample is `context` tokens."""

    aliases = ("gpt", "transformer")
    summary = "GPT-style language model on generated text, 10,942,464 parameters"
    source = SOURCE
    parameters = TransformerParameters
    optimizer = "adamw"
    data_sources = ("generated",)
    epochs = 5
    smallest: ClassVar[dict[str, int]] = {
        "layers": 2,
        "width": 64,
        "heads": 2,
        "context": 32,
        "vocabulary": 32,
        "train_samples": 512,
        "validation_samples": 64,
        "test_samples": 64,
    }

    def floors(self, cell: Cell, steps: int) -> dict[str, float]:
        """Return a test accuracy and a fall of the training loss; see `FLOORS`."""
        parameters = TransformerParameters.model_validate(cell.parameters)
        enough = LEARNING_TOKENS * parameters.vocabulary
        train_tokens = parameters.train_samples * parameters.context
        if (
            cell.optimizer == "sgd"
            or steps < LEARNING_STEPS
            or min(steps * cell.samples_per_step * parameters.context, train_tokens) < enough
            or parameters.layers > LARGEST_LAYERS
            or parameters.width > LARGEST_WIDTH
            or parameters.vocabulary < SMALLEST_VOCABULARY
        ):
            return {}
        floors = dict(FLOORS)
        if parameters.test_samples * parameters.context < TESTED_TOKENS:
            del floors["accuracy"]
        longest = LONGEST_EPOCH * cell.samples_per_step
        if cell.protocol == "train" and parameters.train_samples > longest:
            del floors["loss_drop"]
        return floors

    def lacking(self, cell: Cell, has: Capabilities) -> str | None:
        """Return why a machine with these capabilities cannot run the cell, or None."""
        if cell.backend == "jax" and cell.precision == "mixed_float16" and has.device == "cpu":
            return (
                "JAX on a CPU has no product of float16 that is summed in float32, which its "
                "attention asks for; take precision: mixed_bfloat16, or another backend"
            )
        return super().lacking(cell, has)

    def dataset(self, parameters: Any, source: DataSource, seed: int) -> Dataset:
        """Return generated text: tokens in, the same one token on out."""
        return text(
            vocabulary=parameters.vocabulary,
            context=parameters.context,
            train=parameters.train_samples,
            validation=parameters.validation_samples,
            test=parameters.test_samples,
            seed=seed,
        )

    def build(self, parameters: Any) -> keras.Model:
        """Return the network: (batch, context) tokens in, the next one's logits out."""
        return transformer.decoder(
            layers=parameters.layers,
            width=parameters.width,
            heads=parameters.heads,
            context=parameters.context,
            vocabulary=parameters.vocabulary,
        )

    def plan(self, job: JobSpec) -> Plan:
        """Return the network with the cross-entropy of its logits, in nats a token."""
        from dataclasses import replace

        def loss() -> Any:
            import keras

            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        parameters = TransformerParameters.model_validate(job.cell.parameters)
        plan = super().plan(job)
        return replace(plan, loss=loss, item="tokens", items_per_sample=parameters.context)

    def environment(self, cell: Cell) -> dict[str, Scalar | None]:
        """Return whether attention is computed by a fused kernel (flash attention)."""
        return {"flash_attention": transformer.flash_attention()}


WORKLOAD = TransformerLm()
