"""What a test needs of its machine, where not every machine has it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

# Where `make tls-redis` puts a server: on no PATH but that of the tests of TLS.
TLS_REDIS = Path(sys.prefix) / "redis-tls"


def missing(what: str) -> NoReturn:
    """Skip the test, and say what to install; fail where CI=true: there all is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
