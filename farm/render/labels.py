"""What the rows of a matrix are called, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from farm.readings.condition import ON_OFF
from farm.render import units
from jobs.spec import KERAS_BACKENDS, Cell, Scalar

_UNKNOWN, _ANY = "unknown", "any"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The label columns of a matrix, unescaped; what never differs is said once instead."""

    headers: tuple[str, ...]  # workload, batch, then whatever differs between rows
    rows: tuple[tuple[str, ...], ...]  # one text for each header
    constants: tuple[str, ...]  # phrases that hold for every row
    unknown: tuple[str, ...]  # what is not known of any row
    by_workload: tuple[str, ...]  # lines that hold for every row of one workload
    exceptions: bool = False  # these say otherwise than the constants


@dataclass(frozen=True, kw_only=True)
class _Property:
    header: str
    text: Callable[[Cell], str]  # in a column
    phrase: str  # in the caption, around the text
    phrase_of_one: str | None = None
    own: Callable[[Cell], bool] = lambda cell: False  # no other would go with such work
    blank: Callable[[Cell], str] = lambda cell: ""  # in a column, where the text is empty

    def said(self, text: str) -> str:
        """Return the phrase with this text in it."""
        return (
            self.phrase_of_one if self.phrase_of_one and text == "1" else self.phrase.format(text)
        )


def _known(value: Scalar | None) -> str:
    return _UNKNOWN if value is None else units.scalar(value)


def _batch(cell: Cell) -> str:
    return "" if cell.batch_size is None else units.scalar(cell.batch_size)


def _optimizer(cell: Cell) -> str:
    without = cell.mode in ("infer", "run") or cell.protocol == "once"
    return "" if cell.optimizer is None and without else _known(cell.optimizer)


def _jit(cell: Cell) -> str:
    return "" if cell.jit is None else ON_OFF[cell.jit]


def _usual(cell: Cell) -> str:
    """Say that the backend compiles as it usually does; of work that is no network's, nothing."""
    return "" if cell.mode == "run" or cell.protocol == "once" else "usual"


def _epochs(cell: Cell) -> str:
    if cell.epochs is None and cell.protocol in ("steady", "once"):
        return ""  # there it has no meaning
    return _known(cell.epochs)


_PROPERTIES = (
    _Property(header="precision", text=lambda c: _known(c.precision), phrase="{}"),
    _Property(
        header="backend",
        text=lambda c: _known(c.backend),
        phrase="{}",
        own=lambda c: c.backend is not None and c.backend not in KERAS_BACKENDS,
    ),
    _Property(
        header="data",
        text=lambda c: _known(c.data),
        phrase="{} data",
        own=lambda c: c.data == "generated",
    ),
    _Property(
        header="mode",
        text=lambda c: _known(c.mode),
        phrase="{} mode",
        own=lambda c: c.mode == "run",
    ),
    _Property(
        header="protocol",
        text=lambda c: _known(c.protocol),
        phrase="{} protocol",
        own=lambda c: c.protocol == "once",
    ),
    _Property(
        header="pipeline",
        text=lambda c: "" if c.protocol == "once" else _known(c.data_pipeline),
        phrase="{} batches",
        own=lambda c: c.protocol == "once",
    ),
    _Property(header="optimizer", text=_optimizer, phrase="{}", own=lambda c: _optimizer(c) == ""),
    _Property(header="jit", text=_jit, phrase="jit {}", blank=_usual),
    _Property(header="epochs", text=_epochs, phrase="{} epochs", phrase_of_one="1 epoch"),
)
_OF_PROTOCOL = ("pipeline", "epochs")  # which protocol a row has may imply them


def label(
    cells: Sequence[Cell],
    *,
    batches: bool = True,
    mixed: Mapping[str, Collection[int]] | None = None,
) -> Labels:
    """Return the labels of these rows, in their order.

    The batch size is a column where any row has one; not without `batches`, where each hardware
    has its own. `mixed` holds by property the rows whose hardware differ in it: they say ``any``,
    and where that is all of them, nothing.

    A property or parameter that is the same in all rows goes to `constants`, and so does what the
    protocol, where it is a column, says of the pipeline and the epochs. A parameter that only
    goes with the workload goes to `by_workload`; whatever else differs becomes a column. Whether
    the data is synthetic is thus always said.
    """
    columns: dict[str, list[str]] = {
        "workload": [cell.workload for cell in cells],
    }
    if batches and (not cells or any(cell.batch_size for cell in cells)):
        columns["batch"] = [_batch(cell) for cell in cells]
    constants: list[str] = []
    unknown: list[str] = []
    by_workload: dict[str, list[str]] = {}
    exceptions = False
    for known in _PROPERTIES:
        of_any = (mixed or {}).get(known.header, ())
        texts = [_ANY if at in of_any else known.text(cell) for at, cell in enumerate(cells)]
        if (owners := _owners(known, cells, texts)) is not None:
            for workload, text in owners.items():
                by_workload.setdefault(workload, []).extend([known.said(text)] if text else [])
                exceptions = exceptions or bool(text)
            texts = [t for cell, t in zip(cells, texts, strict=True) if not known.own(cell)][:1]
        implied = _by_protocol(known, texts, columns.get("protocol", ()))
        if set(texts) == {_ANY}:
            continue
        if set(texts) == {_UNKNOWN}:
            unknown.append(known.header)
        elif len(set(texts)) == 1:
            constants += [known.said(texts[0])] if texts[0] else []
        elif implied:
            constants += implied
        else:
            columns[known.header] = [
                text or known.blank(cell) for cell, text in zip(cells, texts, strict=True)
            ]

    versions = [_known(cell.workload_version) for cell in cells]
    if not _goes_with_workload(cells, versions):
        columns["version"] = versions

    for name in dict.fromkeys(name for cell in cells for name in cell.parameters):
        texts = [_parameter(cell, name) for cell in cells]
        if len(set(texts)) == 1:
            constants.append(f"{name}={texts[0]}")
        elif _goes_with_workload(cells, texts):
            for workload, text in dict(zip(_workloads(cells), texts, strict=True)).items():
                if text:
                    by_workload.setdefault(workload, []).append(f"{name}={text}")
        else:
            columns[name] = texts
    return Labels(
        headers=tuple(columns),
        rows=tuple(zip(*columns.values(), strict=True)),
        constants=tuple(constants),
        unknown=tuple(unknown),
        by_workload=tuple(
            f"{name}: {', '.join(said)}" for name, said in by_workload.items() if said
        ),
        exceptions=exceptions,
    )


def _owners(known: _Property, cells: Sequence[Cell], texts: Sequence[str]) -> dict[str, str] | None:
    """Return by workload what is its own alone, where that is all that rows differ in; else None.

    A sum of kinds of work, the products of matrices and the networks, would otherwise have a column
    for whatever the kinds have not in common.
    """
    pairs = list(zip(cells, texts, strict=True))
    own = list(dict.fromkeys((cell.workload, text) for cell, text in pairs if known.own(cell)))
    rest = {text for cell, text in pairs if not known.own(cell)}
    if not own or len(rest) != 1 or len(set(texts)) == 1:
        return None
    shared = {cell.workload for cell in cells if not known.own(cell)}
    if any(text and name in shared for name, text in own) or len(dict(own)) < len(own):
        return None  # a workload that has both
    return dict(own)


def _by_protocol(known: _Property, texts: Sequence[str], protocols: Sequence[str]) -> list[str]:
    """Return a phrase for each protocol, where it implies the property; else nothing."""
    found = dict(zip(protocols, texts, strict=False))
    if (
        known.header not in _OF_PROTOCOL
        or _UNKNOWN in found
        or len(set(zip(protocols, texts, strict=False))) != len(found)
    ):
        return []
    return [f"{known.said(text)} with {protocol}" for protocol, text in found.items() if text]


def _parameter(cell: Cell, name: str) -> str:
    return units.scalar(cell.parameters[name]) if name in cell.parameters else ""


def _workloads(cells: Sequence[Cell]) -> list[str]:
    return [cell.workload for cell in cells]


def _goes_with_workload(cells: Sequence[Cell], texts: Sequence[str]) -> bool:
    return len(set(zip(_workloads(cells), texts, strict=True))) == len(set(_workloads(cells)))
