"""Sets this process's clock wrong by FARM_TEST_CLOCK_SECONDS, as another machine's can be.

Python imports a module of this name before anything else, when its folder is on PYTHONPATH.
"""

import os
import time

_right = time.time
_wrong_by = float(os.environ.get("FARM_TEST_CLOCK_SECONDS", "0"))


def _time() -> float:
    return _right() + _wrong_by


time.time = _time
