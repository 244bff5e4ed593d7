"""Write what is generated into docs/workloads.md: the example, and what the workloads say.

.venv/bin/python docs/workloads_page.py
"""

from __future__ import annotations

from pathlib import Path

from farm.render.workloads import page
from jobs import catalogue

HERE = Path(__file__).parent
PAGE = HERE / "workloads.md"
EXAMPLE = HERE / "examples" / "fashion_mnist_wide.py"


def text() -> str:
    """Return the page as it is, with its two generated parts made anew."""
    own = [each for each in catalogue.every() if type(each).__module__.startswith("jobs.")]
    example = f"```python\n{EXAMPLE.read_text().rstrip()}\n```"
    return _with(_with(PAGE.read_text(), "example", example), "reference", page(own))


def _with(written: str, name: str, generated: str) -> str:
    """Return the page with other text between the marks of that name."""
    before, opened, rest = written.partition(f"<!-- {name} -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->\n")
    if not closed:
        raise SystemExit(f"{PAGE} has no marks <!-- {name} --> and <!-- /{name} -->")
    return f"{before}{opened}{generated.rstrip()}\n{closed}{after}"


if __name__ == "__main__":
    PAGE.write_text(text())
