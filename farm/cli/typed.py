"""What was typed, passwords included, while the list of processes shows none."""

from __future__ import annotations

import json
import os
import sys

VARIABLE = "FARM_TYPED"  # between a process and itself: the arguments, as JSON


def typed() -> list[str]:
    """Return the arguments of the command line, after hiding any password among them.

    Everybody on a machine can read every process's arguments. Where there is a URL with a password,
    the process starts itself anew, once, with the password masked there and the arguments in its
    environment, which only its owner can read. `sys.argv` stays masked.
    """
    from workers.redacted import masked

    arguments = sys.argv[1:]
    kept = os.environ.pop(VARIABLE, None)
    if kept is not None:
        return [str(each) for each in json.loads(kept)]
    original = sys.orig_argv
    at = len(original) - len(arguments)
    shown = [masked(each) for each in arguments]
    if shown != arguments and original[at:] == arguments:
        environment = {**os.environ, VARIABLE: json.dumps(arguments)}
        os.execve(sys.executable, [sys.executable, *original[1:at], *shown], environment)
    return arguments
