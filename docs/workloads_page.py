"""Write the reference of the workloads into docs/workloads.md, from what they say of themselves.

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
    """Return the page: what is written by hand, then the example, then the reference."""
    own = [each for each in catalogue.every() if type(each).__module__.startswith("jobs.")]
    head = (HERE / "workloads.head.md").read_text()
    head = head.replace("{example}", EXAMPLE.read_text().rstrip())
    return f"{head.rstrip()}\n\n{page(own)}\n"


if __name__ == "__main__":
    PAGE.write_text(text())
