"""Lines of at most so many characters, in which nothing that is copied is broken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from farm.render.wrap import wrapped

TEXT = "Redis cannot be reached; start it (`farm up --bind 0.0.0.0`), or name another"


def test_without_a_width_or_where_it_fits_it_is_one_line() -> None:
    assert wrapped(TEXT, None, first="- ") == [f"- {TEXT}"]
    assert wrapped("a  b", 4) == ["a  b"]


def test_what_goes_on_is_indented() -> None:
    assert wrapped("farm: one two three", 11, rest="  ") == ["farm: one", "  two three"]
    assert wrapped("one two", 5, first="- ", rest="  ") == ["- one", "  two"]


def test_commands_and_options_with_their_files_stay_whole() -> None:
    lines = wrapped(TEXT, 40)
    assert lines == [
        "Redis cannot be reached; start it",
        "(`farm up --bind 0.0.0.0`), or name",
        "another",
    ]
    for whole in ("--redis @coordinator.url", 'pip install "benchfarm[tensorflow]"'):
        assert whole in wrapped(f"it is not here: try {whole}", 30)


def test_a_word_is_longer_than_the_line_rather_than_broken() -> None:
    path = "/home/somebody/benchmarks/a-long-name/suite.yaml"
    assert wrapped(f"no such file: {path} is named", 20) == ["no such file:", path, "is named"]


def test_wide_characters_take_two_places() -> None:
    assert wrapped("機械 学習", 8) == ["機械", "学習"]


@given(st.lists(st.text("abc-/:", min_size=1, max_size=9)), st.integers(12, 40))
def test_no_line_is_too_long_and_no_word_is_lost(words: list[str], width: int) -> None:
    lines = wrapped(" ".join(words), width, first="- ", rest="   ")
    assert " ".join(lines).removeprefix("- ").split() == words
    assert all(cell_len(line) <= width for line in lines)
