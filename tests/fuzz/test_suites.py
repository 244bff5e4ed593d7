"""Suite files: loaded, or refused in printable lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from farm.suite.suite import MOST_MISTAKES, Suite, load
from jobs.errors import SuiteError
from tests.fuzz.effort import fuzzing, in_time, note
from tests.fuzz.inputs import changed, damaged
from tests.fuzz.shown import check_message

RIGHT: dict[str, Any] = {
    "name": "night",
    "description": "All there is.",
    "hardware": ["p100", "gpu & linux"],
    "seed": 3,
    "defaults": {"repeats": 2, "timeout": "15m", "precision": ["float32", "mixed_float16"]},
    "jobs": [
        {
            "workload": ["mlp", "cnn"],
            "batch_size": [32, 64, "max"],
            "epochs": 2,
            "train_samples": [512, 1024],
            "exclude": [{"batch_size": 64, "workload": "cnn"}],
            "include": [{"batch_size": 128, "backend": "jax", "jit": False}],
        },
        {"workload": "matmul", "size": [256, 512], "lap": 0.5, "budget": "2s", "cooldown": 0},
        {"workload": "transformer_lm", "batch_size": 8, "mode": "infer", "heads": 4, "width": 64},
    ],
}
TEXT = f"""\
# A suite with everything that YAML has
{yaml.safe_dump(RIGHT)}
shared: &shared
  batch_size: [1, 2]
  !!str seed: "3"
jobs:
  - <<: *shared
    workload: mlp
    epochs: 0x1F
    timeout: >
      90s
"""


def tried(folder: Path, content: bytes) -> Suite | None:
    path = folder / "fuzz.yaml"
    path.write_bytes(content)
    with in_time():
        try:
            suite = load(str(path))
        except SuiteError as error:
            note("refused")
            check_message(*error.problems[: MOST_MISTAKES + 1])
            return None
    note("taken")
    assert suite.jobs_per_hardware >= 1
    assert Suite.model_validate_json(suite.model_dump_json()) == suite
    return suite


def test_the_right_suite_is_loaded(tmp_path: Path) -> None:
    assert tried(tmp_path, yaml.safe_dump(RIGHT).encode())


@fuzzing(30)
@given(content=changed(RIGHT))
def test_changed_values(tmp_path: Path, content: Any) -> None:
    dumped = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
    tried(tmp_path, dumped)


@fuzzing(30)
@given(
    content=damaged(TEXT.encode())
    | damaged(yaml.safe_dump(RIGHT).encode())
    | st.binary(max_size=60)
)
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    tried(tmp_path, content)
