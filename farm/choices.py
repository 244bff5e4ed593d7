"""Choices: what a matrix can be asked for, by the words of the command line.

It imports nothing, so that a command that offers them costs no start.
"""

from __future__ import annotations

from typing import Final

# What the cells show: `farm.matrix.metric.value` says what each is.
METRICS: Final = (
    "speedup",
    "seconds",
    "throughput",
    "latency",
    "energy",
    "efficiency",
    "measured-efficiency",
    "memory",
    "cold-start",
)
# What rows may be matched across, so that a Mac's PyTorch stands beside a P100's TensorFlow; and
# across the batch size, by `--best-batch`.
ACROSS: Final = ("backend", "precision", "optimizer")
BATCH_SIZE: Final = "batch_size"
