"""The search for the largest batch: right to a sixteenth, in few tries, whatever the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import MAX_BATCH_SIZE
from workers.frontier import START, Search, expected_bytes, step_down


def found(limit: int, cap: int) -> tuple[Search, list[int]]:
    """Search where all up to `limit` fit; return the search at its end, and what it tried."""
    search, tried = Search(cap=cap), []
    while (size := search.next) is not None:
        tried.append(size)
        search.record(size, fits=size <= limit)
    return search, tried


@given(limit=st.integers(0, 2 * MAX_BATCH_SIZE), cap=st.integers(1, MAX_BATCH_SIZE))
def test_the_answer_is_within_a_sixteenth_of_the_truth(limit: int, cap: int) -> None:
    search, tried = found(limit, cap)
    truth = min(limit, cap)
    assert search.low <= truth
    assert truth - search.low < max(1, search.low // 16) or truth == search.low
    assert all(1 <= size <= cap for size in tried)
    assert len(tried) == len(set(tried))
    assert (search.high is None) == (limit >= cap)


@given(limit=st.integers(0, MAX_BATCH_SIZE))
def test_the_tries_are_few(limit: int) -> None:
    _, tried = found(limit, MAX_BATCH_SIZE)
    doublings = math.log2(limit / START) if limit > START else math.log2(START)
    assert len(tried) <= doublings + 2 + 5


def test_a_search_by_hand() -> None:
    assert found(100, 1000)[1] == [8, 16, 32, 64, 128, 96, 112, 104, 100]
    assert found(3, 1000)[1] == [8, 4, 2, 3]
    assert found(0, 1000)[1] == [8, 4, 2, 1]
    assert found(500, 50)[1] == [8, 16, 32, 50]
    assert found(500, 5)[1] == [5]


def test_a_size_that_fitted_and_then_did_not_is_below_the_frontier_no_more() -> None:
    search = Search(low=64, high=68)
    search.record(64, fits=False)
    assert search.high == 64


@given(size=st.integers(1, MAX_BATCH_SIZE))
def test_stepping_down_is_by_an_eighth_and_ends(size: int) -> None:
    smaller = step_down(size)
    if size == 1:
        assert smaller is None
    else:
        assert smaller is not None
        assert 1 <= smaller < size
        assert size - smaller == max(1, size // 8)


def test_the_peak_is_foreseen_on_the_line_through_the_two_largest() -> None:
    peaks = [(8, 999), (16, 1160), (32, 1320)]
    assert expected_bytes(64, peaks, 500) == 1640
    assert expected_bytes(48, peaks, 500) == 1480


def test_with_one_peak_all_but_the_base_grows_with_the_batch() -> None:
    assert expected_bytes(16, [(8, 900)], 500) == 1300
    assert expected_bytes(16, [(8, 400)], 500) == 400  # the base is more: noise
    assert expected_bytes(16, [], 500) is None


@given(
    base=st.integers(0, 10**9),
    each=st.integers(0, 10**8),
    sizes=st.lists(st.integers(1, 10**6), min_size=2, unique=True),
)
def test_what_grows_linearly_is_foreseen_exactly(base: int, each: int, sizes: list[int]) -> None:
    *known, unknown = sizes
    peaks = [(size, base + each * size) for size in known]
    assert expected_bytes(unknown, peaks, base) == pytest.approx(base + each * unknown, rel=1e-9)


def test_peaks_that_fall_by_chance_foresee_no_fall() -> None:
    assert expected_bytes(64, [(16, 1010), (32, 1000)], 0) == 1000
