"""The search for the largest batch: right to a sixteenth, in few tries, whatever the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import MAX_BATCH_SIZE
from workers.frontier import START, Search, ceiling, probe, step_down


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


@pytest.mark.parametrize(
    ("foreseen", "size"), [(150, 150), (300, 200), (None, 200), (107, 107), (105, None), (90, None)]
)
def test_a_forecast_is_obeyed_and_can_be_taken_back(foreseen: int | None, size: int | None) -> None:
    search = Search(low=64, ceiling=100)
    assert search.next == 100
    search.record(100, fits=True)
    search.ceiling = foreseen
    assert search.next == size


def test_a_try_that_did_not_fit_outweighs_a_forecast_above_it() -> None:
    assert Search(low=64, high=80, ceiling=90).next == 72
    assert Search(low=64, high=80, ceiling=70).next == 70


def test_the_forecast_is_the_limit_only_where_no_finding_is() -> None:
    assert Search(low=64, ceiling=64).foreseen
    assert Search(low=64, high=80, ceiling=70).foreseen
    assert not Search(low=64, high=65, ceiling=64).foreseen
    assert not Search(low=64, high=66).foreseen
    assert not Search(low=64, cap=64, ceiling=64).foreseen


def test_no_size_above_the_number_of_samples_is_tried_or_found() -> None:
    search = Search()
    search.record(8, fits=True)
    search.limit(5)
    assert (search.low, search.next) == (5, None)
    search = Search(high=8)
    search.record(4, fits=True)
    search.limit(5)
    assert search.next == 5


def test_the_ceiling_lies_on_the_line_through_the_largest_and_one_of_at_most_half() -> None:
    assert ceiling([(8, 999), (16, 1160), (32, 1320)], 1640) == 64
    assert ceiling([(8, 999), (16, 1160), (32, 1320)], 1639) == 63
    # What is tried close to the largest says more of the noise than of the growth.
    assert ceiling([(32, 1320), (64, 1640), (66, 1640)], 1960) == 100


def test_one_peak_tells_nothing_of_growth_but_has_to_fit() -> None:
    assert ceiling([(8, 900)], 901) is None
    assert ceiling([(8, 900), (8, 890)], 895) is None
    assert ceiling([(8, 900)], 899) == 8
    assert ceiling([], 0) is None


def test_peaks_that_fall_by_chance_foresee_no_fall() -> None:
    assert ceiling([(16, 1010), (32, 1000)], 1000) is None
    assert ceiling([(16, 1010), (32, 1000)], 999) == 32


@given(
    fixed=st.integers(0, 10**9),
    each=st.integers(1, 10**8),
    sizes=st.lists(st.integers(1, 10**6), min_size=3, unique=True),
)
def test_what_grows_linearly_is_foreseen_exactly(fixed: int, each: int, sizes: list[int]) -> None:
    *known, limit = sizes
    peaks = [(size, fixed + each * size) for size in known]
    assert ceiling(peaks, fixed + each * limit) == limit
    assert ceiling(peaks, fixed + each * limit - 1) == limit - 1


def test_a_smaller_size_is_tried_first_where_the_next_might_take_too_much() -> None:
    # Of 900 bytes the 500 of the base do not grow, the other 400 might: 1,300 at 16
    assert probe(16, [(8, 900)], 500, 1300) is None
    assert probe(16, [(8, 900)], 500, 1299) == 2
    assert probe(16, [(8, 400)], 500, 400) is None  # the base is more: noise
    assert probe(3, [(2, 900)], 500, 1000) == 1
    assert probe(2, [(1, 900)], 500, 1000) is None  # there is no smaller one
    assert probe(16, [(2, 890), (8, 900)], 500, 1000) is None
    assert probe(16, [], 500, 1000) is None
