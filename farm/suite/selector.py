"""Selector: which hardware a suite is for."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    ConfigDict,
    RootModel,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from farm.suite.sweep import Sweep
from jobs.problem import quote
from jobs.spec import NAME_PATTERN

ALL = "all"

_NAME = NAME_PATTERN.removeprefix("^").removesuffix("$")
CONJUNCTION_PATTERN = rf"^\s*{_NAME}(\s*&\s*{_NAME})*\s*$"


def _normalised(text: str) -> str:
    tags = [tag.strip().lower() for tag in text.split("&")]
    for tag in tags:
        if not re.fullmatch(_NAME, tag):
            raise ValueError(f"{quote(tag)} is no name or tag" if tag else "a tag is missing")
    if ALL in tags and len(tags) > 1:
        raise ValueError(f"{ALL!r} stands alone")
    return " & ".join(dict.fromkeys(tags))


Conjunction: TypeAlias = Annotated[
    str,
    AfterValidator(_normalised),
    WithJsonSchema({"type": "string", "pattern": CONJUNCTION_PATTERN}),
]


class Selector(RootModel[Sweep[Conjunction]]):
    """All hardware, or any hardware that carries every tag of one of the alternatives.

    Made from ``"all"``, from one string, or from a list of strings: each a name, a tag, or tags
    joined by ``&``. A machine's name is one of its tags; case does not matter. Dumped as ``"all"``
    or as a list of strings, in lower case, from which an equal selector is made again.
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _all_alone(self) -> Selector:
        if ALL in self.root and len(self.root) > 1:
            raise ValueError(f"{ALL!r} stands alone")
        return self

    @model_serializer
    def _plain(self) -> str | list[str]:
        return ALL if self.is_all else list(self.root)

    @property
    def is_all(self) -> bool:
        """Whether it matches whatever there is."""
        return self.root == (ALL,)

    def matches(self, tags: Collection[str]) -> bool:
        """Tell whether hardware with these tags (its name among them) is selected."""
        owned = {tag.lower() for tag in tags}
        return self.is_all or any(owned.issuperset(each.split(" & ")) for each in self.root)

    def describe(self) -> str:
        """Return it in words: ``all hardware``, or ``p100 or gpu & linux``."""
        return "all hardware" if self.is_all else " or ".join(self.root)
