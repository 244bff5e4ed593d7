"""Selector: which hardware a suite is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.suite.selector import Selector

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,9}", fullmatch=True).filter(
    lambda name: name.lower() != "all"
)
conjunctions = st.lists(names, min_size=1, max_size=3).map(" & ".join)
selectors = st.one_of(
    st.just("all"), conjunctions, st.lists(conjunctions, min_size=1, max_size=4)
).map(Selector.model_validate)


@given(selectors)
def test_a_selector_survives_json(selector: Selector) -> None:
    assert Selector.model_validate_json(selector.model_dump_json()) == selector
    assert Selector.model_validate(selector.model_dump()) == selector


@given(selectors, st.lists(names))
def test_case_does_not_matter(selector: Selector, tags: list[str]) -> None:
    upper = [tag.upper() for tag in tags]
    assert selector.matches(tags) == selector.matches(upper)


@given(st.lists(names, min_size=1, max_size=4), st.lists(names))
def test_a_conjunction_needs_every_tag(wanted: list[str], others: list[str]) -> None:
    selector = Selector.model_validate("&".join(wanted))
    assert selector.matches([*others, *wanted])
    assert selector.matches(others) == {tag.lower() for tag in wanted}.issubset(
        tag.lower() for tag in others
    )


@pytest.mark.parametrize(
    ("hardware", "tags", "expected"),
    [
        ("all", [], True),
        (["all"], ["p100"], True),
        ("p100", ["P100", "nvidia"], True),
        ("p100", ["p1000"], False),
        (["p100", "m2-max"], ["m2-max", "apple"], True),
        ("nvidia & linux", ["nvidia", "darwin"], False),
        (["nvidia&linux", "cpu"], ["cpu", "darwin"], True),
    ],
)
def test_matching(hardware: str | list[str], tags: list[str], expected: bool) -> None:
    assert Selector.model_validate(hardware).matches(tags) is expected


def test_it_is_described_in_words() -> None:
    assert Selector.model_validate("ALL").describe() == "all hardware"
    assert Selector.model_validate(["P100", "gpu&linux"]).describe() == "p100 or gpu & linux"


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        ("", "a tag is missing"),
        ("gpu &", "a tag is missing"),
        ("big gpu", "'big gpu' is no name or tag"),
        ("p100\n& gpu/0", "'gpu/0' is no name or tag"),
        ("all & gpu", "'all' stands alone"),
        (["all", "gpu"], "'all' stands alone"),
        ([], "empty list"),
        (100, "valid string"),
        ([True], "valid string"),
        (None, "valid string"),
    ],
)
def test_what_is_no_selector_is_refused(hardware: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Selector.model_validate(hardware)


def test_a_selector_cannot_be_changed() -> None:
    selector = Selector.model_validate("all")
    with pytest.raises(ValidationError, match="frozen"):
        selector.root = ("p100",)  # type: ignore[misc]
