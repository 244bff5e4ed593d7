"""Limits of what comes from other machines: how long, how many, how large a value may be.

They are far above what any job of the farm's makes, so that whoever sends more means harm or is
broken. Texts that say something (of a machine, of an error) are cut; everything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, cast

from pydantic import AfterValidator, Field, FiniteFloat, GetCoreSchemaHandler
from pydantic_core import CoreSchema

MAX_RESULT_BYTES = 16 << 20  # of a result as JSON
MAX_ITEMS = 1_500_000  # commas of a result as JSON, which is parsed only with fewer
MAX_KEYS = 50_000  # colons of it, those in texts included
MAX_REPORT_BYTES = 15 << 20  # of a child's report, which becomes a result with its job and facts
MAX_COUNT = 10**18  # of samples, bytes, …: fits 64 bits, as databases have it
MAX_KEY = 100  # characters of the name of a parameter, of a fact, of a value of the history
MAX_TEXT = 4_000  # characters of a text that stands for a value
MAX_WORDS = 40_000  # characters of a message, of a traceback, of the end of stderr
MAX_LAPS = 500_000  # of a process; and values of one series of the history
MAX_NAMES = 1_000  # of facts, of conditions, of values of the test, of causes of noise
MAX_SERIES = 100  # of the history
MAX_PARTS = 100  # of a machine, each with its energy
SHORTEST, LONGEST = 1e-12, 1e9  # seconds of a lap; what is outside is no measurement
MAX_SECONDS = 1e15  # since the epoch: also of a clock that counts milliseconds


def cut(text: str, most: int = MAX_TEXT) -> str:
    """Return the text, or its beginning and a mark that it went on."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _beginning(text: str) -> str:
    return cut(text, MAX_WORDS)


def _end(text: str) -> str:
    return text if len(text) <= MAX_WORDS else f"…{text[1 - MAX_WORDS :]}"


@dataclass(frozen=True)
class FirstMistakeOnly:
    """Has pydantic stop at the first wrong item: a million mistakes would take a gigabyte.

    `pydantic.FailFast` does the same and cannot stand in a union, having no hash.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cast(CoreSchema, {**handler(source), "fail_fast": True})


Key: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_KEY)]
Text: TypeAlias = Annotated[str, AfterValidator(cut)]
Words: TypeAlias = Annotated[str, AfterValidator(_beginning)]
LastWords: TypeAlias = Annotated[str, AfterValidator(_end)]
Count: TypeAlias = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Some: TypeAlias = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Moment: TypeAlias = Annotated[FiniteFloat, Field(ge=0, le=MAX_SECONDS)]  # since the epoch
Series: TypeAlias = Annotated[tuple[float, ...], FirstMistakeOnly(), Field(max_length=MAX_LAPS)]
Texts: TypeAlias = Annotated[tuple[Text, ...], FirstMistakeOnly(), Field(max_length=MAX_NAMES)]
Values: TypeAlias = Annotated[dict[Key, float], Field(max_length=MAX_NAMES)]
