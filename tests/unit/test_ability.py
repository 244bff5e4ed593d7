"""Whether a worker can run a cell, by what it states of itself."""

from __future__ import annotations

import logging

import pytest

from farm.render.workloads import facts
from jobs import catalogue
from jobs.capabilities import Capabilities
from jobs.spec import Cell
from jobs.workloads.fashion_mnist_mlp import FashionMnistMlp
from tests.conftest import make_cell
from tests.unit.test_capabilities import has, worker
from workers.ability import lacking

MLP = make_cell("fashion_mnist_mlp")


class Careless(FashionMnistMlp):
    """Looks for what is not there."""

    name = "fashion_mnist_mlp"

    def lacking(self, cell: Cell, has: Capabilities) -> str | None:
        raise KeyError("vram")


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> Careless:
    subject = Careless()
    monkeypatch.setitem(catalogue.catalogue().workloads, "fashion_mnist_mlp", subject)
    return subject


def test_a_worker_that_states_nothing_is_given_everything() -> None:
    assert lacking(MLP, worker(None)) is None


def test_work_that_this_process_does_not_know_is_left_to_the_worker() -> None:
    elsewhere = make_cell("theirs")
    assert lacking(elsewhere, worker(has(workloads={"theirs": 1}))) is None
    assert "no workload theirs there" in (lacking(elsewhere, worker(has())) or "")


def test_another_version_is_refused_before_the_workload_is_asked(careless: Careless) -> None:
    assert "version 1" in (lacking(MLP, worker(has(workloads={MLP.workload: 2}))) or "")


@pytest.mark.usefixtures("careless")
def test_a_workload_that_cannot_tell_is_sent_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert lacking(MLP, worker(has())) is None
    assert "whether fashion_mnist_mlp can run there cannot be told" in caplog.text


def test_a_workload_that_cannot_tell_is_listed_with_its_error(careless: Careless) -> None:
    said = facts(careless, has())
    assert said["runnable"] is False
    assert said["reason"] == "its `lacking` fails: KeyError: 'vram'"
