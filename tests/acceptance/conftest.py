"""A farm of real processes, for every test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import live_farm
from tests.acceptance.queue_site import site
from tests.live_farm import Farm

__all__ = ["farm", "site"]


@pytest.fixture
def farm(farm_home: Path, tmp_path: Path) -> Iterator[Farm]:
    """A farm with a Redis of its own."""
    with live_farm.running(tmp_path, live_farm.environment()) as farm:
        yield farm
