"""Short names of hardware: the full name that a driver gives → what people call it.

``Tesla P100-PCIE-16GB`` → ``p100``. A short name leaves out what a reader of a table does not ask
for first: the vendor, the form factor, the memory of a data-centre card. Two cards that share a
short name and differ all the same (an A100 of 40 or 80 GB) differ in their fingerprints.

Every name given here matches `jobs.spec.NAME_PATTERN`, and naming a short name again changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

UNKNOWN_CPU = "unknown-cpu"
UNKNOWN_GPU = "unknown-gpu"
MAX_LENGTH = 64

_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©]", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._+]+")
# AMD's tools put the name people know in brackets: "Navi 31 [Radeon RX 7900 XT/7900 XTX]".
_BRACKETED = re.compile(r"\[([^\[\]]*\d[^\[\]]*)\]")

_GPU_NOISE = re.compile(
    r"nvidia|corporation|amd|ati|apple|intel|tesla|geforce|gpu|generation|edition|series|with|design"
    r"|pcie|sxm\d*|hbm\d*\w?"
)
_MEMORY = re.compile(r"\d+gb")
_INSTINCT = re.compile(r"mi\d+[a-z]*")

_CPU_NOISE = re.compile(r"intel|amd|apple|cpu|processor|genuine|gen|\d+(?:st|nd|rd|th)")
_FREQUENCY = re.compile(r"[\d.]+[gm]hz")
_CORE_COUNT = re.compile(
    r"\b(?:\d+|dual|triple|quad|six|eight|ten|twelve|sixteen|twenty-four|thirty-two)[\s-]cores?\b",
    re.IGNORECASE,
)
# "AMD Ryzen 7 5800H with Radeon Graphics" names the GPU beside the CPU.
_COMPANION = re.compile(r"\s(?:with|w/)\s.*", re.IGNORECASE)
_CORE_MODEL = re.compile(r"[im]\d")
_DIGIT = re.compile(r"\d")
_APPLE_CPU = re.compile(r"[am]\d+(?:-[a-z0-9]+)*-cpu")


def gpu_name(full: str | None) -> str:
    """Return the short name of a GPU; `UNKNOWN_GPU` where there is nothing to go by."""
    text = _plain(full)
    if text == UNKNOWN_GPU:
        return text
    return _settle(text, _shorten_gpu) or UNKNOWN_GPU


def cpu_name(full: str | None) -> str:
    """Return the short name of a CPU; `UNKNOWN_CPU` where there is nothing to go by.

    An Apple chip's CPU is called after the chip, with ``-cpu``: the bare name is its GPU's.
    """
    text = _plain(full)
    if text == UNKNOWN_CPU or _is_apple_cpu(text):
        return text
    short = _settle(text, _shorten_cpu)
    if text.lower().startswith("apple ") and _is_apple_cpu(f"{short}-cpu"):
        return f"{short}-cpu"
    return short or UNKNOWN_CPU


def slug(text: str) -> str:
    """Return the text as a name: lower case, no separators but a dash; may be empty."""
    return _join(_tokens(text))


def _plain(full: str | None) -> str:
    return " ".join(_MARKS.sub("", full or "").split())


def _is_apple_cpu(text: str) -> bool:
    return len(text) <= MAX_LENGTH and _APPLE_CPU.fullmatch(text) is not None


def _tokens(text: str) -> list[str]:
    # A name starts with a letter or a digit, and each token may come to be the first.
    parts = (part.lstrip("._+") for part in _NOT_IN_NAMES.split(text.lower()))
    return [part for part in parts if part]


def _join(tokens: list[str]) -> str:
    while len(tokens) > 1 and len("-".join(tokens)) > MAX_LENGTH:
        tokens = tokens[:-1]
    return "-".join(tokens)[:MAX_LENGTH]


def _settle(text: str, shorten: Callable[[str], list[str]]) -> str:
    """Shorten until nothing changes: a word may hide from the next what would go."""
    while (shorter := _join(shorten(text))) != text:
        text = shorter
    return text


def _shorten_gpu(text: str) -> list[str]:
    bracketed = _BRACKETED.search(text)
    tokens = _tokens(bracketed[1] if bracketed else text)
    for token in tokens:
        if _INSTINCT.fullmatch(token):
            return [token]
    kept = [token for token in tokens if not _GPU_NOISE.fullmatch(token)]
    if "rtx" in kept:
        kept = [token for token in kept if token != "quadro"]
    if "rx" in kept:
        kept = [token for token in kept if token != "radeon"]
    if not {"gt", "gtx", "rtx", "rx"} & set(kept):
        # On consumer cards the memory tells chips apart (GTX 1060 3GB and 6GB).
        kept = [token for token in kept if not _MEMORY.fullmatch(token)]
    return kept


def _shorten_cpu(text: str) -> list[str]:
    tokens = _tokens(_CORE_COUNT.sub(" ", _COMPANION.sub("", text)))
    kept = [token for token in tokens if not _CPU_NOISE.fullmatch(token)]
    kept = [
        token
        for token, following in zip(kept, [*kept[1:], ""], strict=False)
        if not (token == "core" and _CORE_MODEL.fullmatch(following))
    ]
    models = [token for token in kept if not _FREQUENCY.fullmatch(token)]
    # A frequency names a CPU only where no model does: "Intel(R) Xeon(R) CPU @ 2.20GHz".
    return models if any(_DIGIT.search(token) for token in models) else kept
