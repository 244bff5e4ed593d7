"""The soak in small, and that it would notice what grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.soak import Row, Watched, soak


def test_what_grows_by_more_than_is_tolerated_is_named() -> None:
    assert not Row("Redis, MB", 1e6, 2e6, tolerated=1e6, unit=1e6, digits=1).grew
    row = Row("Redis, MB", 1e6, 2.1e6, tolerated=1e6, unit=1e6, digits=1)
    assert row.cells() == ("Redis, MB", "1.0", "2.1", "1.1", "1.0", "GREW")


def test_the_medians_are_of_the_first_and_the_last_fifth_of_the_jobs() -> None:
    seen = {"old-1": [10, 30, 20, 500, 600, 40, 60, 50]}
    watched = Watched(ended=[0, 100, 200, 201, 799, 800, 900, 1000], memory=seen)
    assert watched.first_and_last(watched.memory, "old-1", 200, 1000) == (20, 50)


@pytest.mark.exhaustive
def test_a_short_soak_grows_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    lines, fine = soak(tmp_path, jobs=400, seed=1, seconds_between=6.0, say=said.append)
    print("\n".join([*said, *lines]))
    assert fine
