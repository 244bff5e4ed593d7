"""NetworkLink: a network namespace, as if it were another machine, and the cable to it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence

# What ip and tc say where the kernel, or the container, has or allows no such thing.
FORBIDDEN = re.compile(
    r"Operation not permitted|Permission denied|[Nn]ot supported|Unknown device type|"
    r"[Rr]ead-only|kind is unknown|[Nn]ot found|Unknown filter|answers: No such file"
)
ALSO = ("/usr/sbin", "/sbin")  # a short PATH lacks them
# Classic BPF on what arrives: draw 32 random bits; from the threshold on, drop the packet.
_RANDOM, _DROP, _PASS = "32 0 0 4294963256", "6 0 0 2", "6 0 0 0"


class NetworkLink:
    """A context manager; needs root, and Linux's programs ip and tc.

    It raises PermissionError where the machine forbids it, and OSError saying what is missing.
    `here` and `there` are the two ends' addresses.
    """

    def __init__(self) -> None:
        number = os.getpid() % 16_000
        self.namespace = f"farm-test-{number}"
        self.ends = (f"farm{number}a", f"farm{number}b")
        base = 4 * number
        self.here, self.there = (f"10.213.{base // 256}.{base % 256 + n}" for n in (1, 2))

    def __enter__(self) -> NetworkLink:
        if os.geteuid() != 0:
            raise PermissionError("only root can make network namespaces")
        ours, theirs = self.ends
        try:
            _run("ip", "netns", "add", self.namespace)
            _run(
                *("ip", "link", "add", ours, "type", "veth"),
                *("peer", "name", theirs, "netns", self.namespace),
            )
            _run("ip", "address", "add", f"{self.here}/30", "dev", ours)
            _run("ip", "link", "set", ours, "up")
            inside = ("ip", "-n", self.namespace)
            _run(*inside, "address", "add", f"{self.there}/30", "dev", theirs)
            _run(*inside, "link", "set", theirs, "up")
            _run(*inside, "link", "set", "lo", "up")
            for command in self._tc():
                _run(*command, "qdisc", "add", "dev", self._end(command), "ingress")
            self.heal()  # so packets can be dropped, too
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for command in (
            ("ip", "link", "delete", self.ends[0]),
            ("ip", "netns", "delete", self.namespace),
        ):
            with contextlib.suppress(OSError):
                _run(*command)

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command as it is to be called so that it runs at the other end."""
        return [_found("ip"), "netns", "exec", self.namespace, *command]

    def lose(self, share: float) -> None:
        """Drop this share of the packets from now on, at random, in both directions."""
        threshold = min(int((1 - share) * 2**32), 2**32 - 1)
        program = [_RANDOM, f"53 0 1 {threshold}", _DROP, _PASS]
        if share >= 1:
            program = [_DROP]
        for command in self._tc():
            _run(
                *(*command, "filter", "replace", "dev", self._end(command), "ingress"),
                *("protocol", "all", "pref", "1", "handle", "1"),
                *("bpf", "da", "bytecode", ",".join([str(len(program)), *program])),
            )

    def cut(self) -> None:
        """Let nothing through: neither end is told, and packets vanish."""
        self.lose(1.0)

    def heal(self) -> None:
        """Let everything through."""
        self.lose(0.0)

    def dropped(self) -> tuple[int, ...]:
        """Return how many packets have been dropped, in each direction."""
        shown = (_run(*each, "-s", "-j", "qdisc", "show", "dev", self._end(each), "ingress")
                 for each in self._tc())  # fmt: skip
        return tuple(json.loads(text)[0]["drops"] for text in shown)

    def _tc(self) -> tuple[tuple[str, ...], ...]:
        return ("tc",), ("tc", "-n", self.namespace)

    def _end(self, command: tuple[str, ...]) -> str:
        return self.ends[len(command) > 1]


def _run(program: str, *arguments: str) -> str:
    command = (_found(program), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{' '.join(command)}: {done.stderr.strip() or done.returncode}"
        raise PermissionError(said) if FORBIDDEN.search(said) else OSError(said)
    return done.stdout


def _found(program: str) -> str:
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *ALSO])
    path = shutil.which(program, path=folders)
    if path is None:
        raise FileNotFoundError(
            f"{program} is neither on the PATH nor in {' or '.join(ALSO)}; install it "
            f"(Debian: apt install iproute2)"
        )
    return path
