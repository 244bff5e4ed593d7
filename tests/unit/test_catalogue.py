"""Catalogue: workloads from files and packages, and what is broken named and left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import catalogue
from jobs.errors import UnknownNameError

GOOD = """
from typing import Literal
from jobs.workload import Parameters, Workload

Shade = Literal["red", "green"]

class OwnParameters(Parameters):
    shade: Shade = "red"

class Own(Workload):
    summary = "a test"
    source = "the tests, nobody else"
    parameters = OwnParameters
    def run(self, job, clock):
        raise NotImplementedError

WORKLOAD = Own()
"""
FUTURE = "from __future__ import annotations\n" + GOOD


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FARM_WORKLOADS", str(tmp_path))
    catalogue.catalogue.cache_clear()
    yield tmp_path
    catalogue.catalogue.cache_clear()


@pytest.mark.parametrize("text", [GOOD, FUTURE])
def test_a_file_is_a_workload_of_its_name(folder: Path, text: str) -> None:
    (folder / "mine.py").write_text(text)
    found = catalogue.find("mine")
    assert found.name == "mine"
    assert found.parameters().model_dump() == {"shade": "red"}
    assert "mine" in catalogue.names()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("this is no Python", "SyntaxError"),
        ("import no_such_library", "no_such_library"),
        ("x = 1", "WORKLOAD"),
        ("WORKLOAD = 3", "not an instance of jobs.workload.Workload"),
        (GOOD.replace('    summary = "a test"\n', ""), "has no summary"),
        (GOOD.replace('Shade = "red"', "Shade"), "shade"),  # a parameter without a default
        ("raise SystemExit(3)", "SystemExit"),
        (GOOD.replace('shade: Shade = "red"', "n: list[int] = [1]"), "'n' is no number, text"),
        (GOOD.replace('shade: Shade = "red"', 'n: int = "abc"'), "n"),
        (GOOD.replace('shade: Shade = "red"', "batch_size: int = 3"), "a key of every job"),
        (GOOD.replace("    summary", "    backends = ()\n    summary"), "are no tuple of some: ()"),
        (GOOD.replace("    summary", '    backends = "jax"\n    summary'), "backends are no tuple"),
        (GOOD.replace("    summary", '    modes = ("walk",)\n    summary'), "mode"),
        (GOOD.replace("    summary", "    needs = None\n    summary"), "needs are no tuple"),
    ],
)
def test_a_broken_file_is_named_and_left_out(
    folder: Path, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "broken.py").write_text(text)
    (folder / "good.py").write_text(GOOD)
    assert "good" in catalogue.names()
    assert "broken" not in catalogue.names()
    [(place, why)] = catalogue.catalogue().broken.items()
    assert place == str(folder / "broken.py")
    assert said in why
    assert place in caplog.text


def test_no_parameter_can_be_called_as_a_key_of_every_job() -> None:
    from farm.suite.schema import Job

    assert set(Job.model_fields) <= catalogue.RESERVED


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FARM_WORKLOADS", str(tmp_path / "nowhere"))
    catalogue.catalogue.cache_clear()
    assert "matmul" in catalogue.names()
    assert "nowhere, which is no folder" in caplog.text
    catalogue.catalogue.cache_clear()


def test_a_file_cannot_take_the_alias_that_suites_use(folder: Path) -> None:
    (folder / "mlp.py").write_text(GOOD)
    assert catalogue.find("mlp").name == "fashion_mnist_mlp"


def test_the_first_of_a_name_is_kept(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "matmul.py").write_text(GOOD)
    assert type(catalogue.find("matmul")).__name__ != "Own"
    assert "matmul" in caplog.text


def test_nobody_takes_an_alias_that_is_taken(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aliases = '    aliases = ("mlp", "mine2")\n    summary'
    (folder / "mine.py").write_text(GOOD.replace("    summary", aliases))
    assert catalogue.find("mlp").name == "fashion_mnist_mlp"
    assert catalogue.find("mine2").name == "mine"
    assert "the alias mlp of" in caplog.text
    (folder / "comma.py").write_text(
        GOOD.replace("    summary", '    aliases = ("gpt")\n    summary')
    )
    catalogue.catalogue.cache_clear()
    assert "comma" not in catalogue.names()


def test_an_unknown_name_has_a_nearest(folder: Path) -> None:
    (folder / "mine.py").write_text(GOOD)
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        catalogue.find("mines")


def test_packages_offer_workloads_as_entry_points(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a package that offers a module, one that offers an instance, and one that is broken
    (folder / "template.py").write_text(GOOD)
    instance = type(catalogue.find("template"))()

    def fail() -> Any:
        raise ImportError("its library is missing")

    def entry(name: str, load: Any) -> Any:
        return SimpleNamespace(name=name, value=f"package:{name}", load=load)

    offered = [
        entry("by_module", lambda: SimpleNamespace(WORKLOAD=instance)),
        entry("by_instance", type(instance)),
        entry("broken", fail),
    ]
    asked: list[str] = []

    def entry_points(*, group: str) -> list[Any]:
        asked.append(group)
        return offered

    monkeypatch.setattr(metadata, "entry_points", entry_points)
    catalogue.catalogue.cache_clear()
    # Then the first two are workloads, and the third is named
    assert {"by_module", "by_instance"} <= set(catalogue.names())
    assert asked == ["benchfarm.workloads"]
    assert catalogue.catalogue().broken == {
        "broken (package:broken)": "ImportError: its library is missing"
    }
