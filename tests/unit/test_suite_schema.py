"""The JSON Schema of suite files agrees with what `load` accepts and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from farm.suite.parameters import all_workloads, workload_names
from farm.suite.schema import Settings, json_schema
from farm.suites import ready_suites
from tests.unit.suite_samples import problems_of, suite_of

RIGHT = [
    "jobs: [{workload: mlp, batch_size: 1}]",
    "hardware: [p100, gpu & linux]\njobs: [{workload: [mlp, fashion_mnist_cnn], batch_size: [1]}]",
    "name: x\nseed: 0\ndefaults: {timeout: 90s}\njobs: [{workload: cnn, batch_size: 2}]",
    "jobs: [{workload: cnn, batch_size: 2, include: [{timeout: 1.5}], exclude: [{data: [real]}]}]",
    "jobs: [{workload: cnn, batch_size: 2, train_samples: [1, 2], optimizer: sgd}]",
]
WRONG = [
    "jobs: []",
    "jobs: [{batch_size: 1}]",
    "job: [{workload: mlp, batch_size: 1}]",
    "jobs: [{workload: mpl, batch_size: 1}]",
    "jobs: [{workload: mlp, batch_size: 0}]",
    "jobs: [{workload: mlp, batch_size: '1'}]",
    "jobs: [{workload: mlp, batch_size: true}]",
    "jobs: [{workload: mlp, batch_size: []}]",
    "jobs: [{workload: mlp, batch_sizes: 1}]",
    "jobs: [{workload: mlp, batch_size: 1, train_samples: x}]",
    "jobs: [{workload: mlp, batch_size: 1, repeats: [1, 2]}]",
    "jobs: [{workload: mlp, batch_size: 1, timeout: 9 days}]",
    "jobs: [{workload: mlp, batch_size: 1, include: [{exclude: 1}]}]",
    "jobs: [{workload: mlp, batch_size: 1, exclude: [{}]}]",
    "defaults: {workload: mlp}\njobs: [{workload: mlp, batch_size: 1}]",
    "hardware: gpu &\njobs: [{workload: mlp, batch_size: 1}]",
    "name: a/b\njobs: [{workload: mlp, batch_size: 1}]",
]


def is_valid(content: Any) -> bool:
    return Draft202012Validator(json_schema()).is_valid(content)


def test_it_is_a_schema_of_its_draft() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", ready_suites().values(), ids=lambda path: path.stem)
def test_the_ready_suites_are_valid(path: Path) -> None:
    assert is_valid(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("text", RIGHT)
def test_schema_and_loader_accept(tmp_path: Path, text: str) -> None:
    assert is_valid(yaml.safe_load(text))
    if "exclude" not in text:  # dropping everything is beyond the schema
        suite_of(tmp_path, text)


@pytest.mark.parametrize("text", WRONG)
def test_schema_and_loader_refuse(tmp_path: Path, text: str) -> None:
    assert not is_valid(yaml.safe_load(text))
    assert problems_of(tmp_path, text)


def test_every_key_says_what_it_is() -> None:
    schema = json_schema()
    for name, part in {"": schema, **schema["$defs"]}.items():
        for key, described in part.get("properties", {}).items():
            assert described.get("description", "").endswith("."), f"{name}.{key}"


def test_it_offers_what_an_editor_completes() -> None:
    properties = json_schema()["$defs"]["Job"]["properties"]
    assert set(properties) > set(Settings.model_fields)
    assert properties["workload"]["anyOf"][0]["enum"] == workload_names()
    assert properties["backend"]["anyOf"][0]["enum"][:3] == ["tensorflow", "torch", "jax"]
    for workload in all_workloads():
        for key, field in workload.parameters.model_fields.items():
            defaults = {
                each.parameters.model_fields[key].default
                for each in all_workloads()
                if key in each.parameters.model_fields
            }
            assert properties[key].get("default") in (
                [field.default] if len(defaults) == 1 else [None]
            )
            assert workload.name in properties[key]["description"]
