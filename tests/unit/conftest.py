"""Two farms: what is in `here`, which every test file fills by itself, is carried to `there`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from farm.store.store import Store
from tests.unit.exchange_samples import exported


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Store]:
    """Another farm's store, empty."""
    with Store(f"sqlite:///{tmp_path}/there.db") as store:
        yield store


@pytest.fixture
def file(here: Store, tmp_path: Path) -> Path:
    """What the first store was exported to."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(exported(here))
    return path
