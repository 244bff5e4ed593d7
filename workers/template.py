"""The warm template: a process that has imported a backend, and forks a child for every job.

Importing TensorFlow and Keras takes seconds, forking a process that has done so takes
milliseconds. The template touches no device, starts no thread, and runs no job itself, so each
child is as fresh as a new interpreter. Where forking is unsafe (`--isolation spawn`, the rule on
macOS) it imports nothing and starts each child as a new interpreter instead; all else is the same.

It speaks over one Unix socket, one JSON object a line. In: `{"request": …}` with the write ends of
the report's and the stderr's pipes attached, and `{"kill": true}`. Out: `ready`, `started` with the
child's process id or `refused` with the system's reason why there is none, `exited` with its wait
status and what it used. When the socket closes, its
worker has died: the child is killed and the template ends, so nothing is left measuring for nobody.
Whatever a child started dies with it, also what has left its session (see `workers.leftovers`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any, NoReturn

from workers import leftovers

# What each backend's children find imported.
_KERAS = ("keras", "jobs.keras.training")
BACKEND_MODULES = {
    "tensorflow": ("tensorflow", *_KERAS),
    "torch": ("torch", *_KERAS),
    "jax": ("jax", *_KERAS),
    "sklearn": ("sklearn", "sklearn.ensemble", "sklearn.model_selection"),
    "ffmpeg": (),
    "createml": (),
}
LINE_BYTES = 1 << 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Template:
    """Owns at most one child at a time: starts it, kills it and its like, reaps it."""

    def __init__(self, control: socket.socket, isolation: str) -> None:
        self.control = control
        self.isolation = isolation
        self.child: int | None = None
        self.own_seconds = 0.0  # CPU time of this process when the child was started
        self.orphan_seconds = 0.0  # CPU time of what the child has left to this process
        self.wakeup_read, self.wakeup_write = os.pipe()
        os.set_blocking(self.wakeup_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wakeup_write, warn_on_full_buffer=False)
        self._buffer = b""
        self._fds: list[int] = []

    def serve(self) -> None:
        """Start children as asked until the worker closes the socket; block in between."""
        try:
            self._serve()
        finally:
            self._kill()
            leftovers.sweep()

    def _serve(self) -> None:
        leftovers.adopt_orphans()
        self._send(event="ready")
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.wakeup_read, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.control:
                        if not self._receive():
                            return
                    else:
                        os.read(self.wakeup_read, 4096)
                        self._reap()

    def _receive(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self.control, LINE_BYTES, 2)
        except ConnectionError:
            return False
        if not data:
            return False
        self._fds += fds
        self._buffer += data
        while b"\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\n", 1)
            message = json.loads(line)
            if "kill" in message:
                self._kill()
            else:
                report, stderr = self._fds
                self._fds = []
                self._start(message["request"], report, stderr)
                os.close(report)
                os.close(stderr)
        return True

    def _start(self, request: str, report: int, stderr: int) -> None:
        self.own_seconds = time.process_time()
        self.orphan_seconds = 0.0
        try:
            if self.isolation == "fork":
                self.child = os.fork()
                if self.child == 0:
                    self._become_child(request, report, stderr)
            else:
                self.child = self._spawn(request, report, stderr)
        except (OSError, MemoryError) as error:
            self._send(
                event="refused", error=getattr(error, "errno", errno.ENOMEM), said=str(error)
            )
        else:
            self._send(event="started", pid=self.child)

    def _spawn(self, request: str, report: int, stderr: int) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.child", str(report)],
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            pass_fds=[report],
            start_new_session=True,
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died already; its wait status tells
            process.stdin.write(request.encode())
            process.stdin.close()
        process.returncode = 0  # reaped by _reap, not by subprocess
        return process.pid

    def _become_child(self, request: str, report: int, stderr: int) -> NoReturn:
        code = 1
        try:
            os.setsid()
            die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(stderr, 1)
            os.dup2(stderr, 2)
            for fd in (null, stderr, self.control.fileno(), self.wakeup_read, self.wakeup_write):
                os.close(fd)
            from jobs import child

            child.run(request, report)
            code = 0
        except BaseException:  # noqa: BLE001 - must not return into the template's loop
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _kill(self) -> None:
        if self.child is None:
            return
        try:
            os.killpg(self.child, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.child, signal.SIGKILL)  # not yet the leader of its group
        except PermissionError:
            pass  # macOS's answer for a group of which only the dead leader is left

    def _reap(self) -> None:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13, which gives no orphans away
            self._end_child()
            return
        # First only look: while the dead leader is not reaped, its group's number is not reused,
        # so whatever it left behind can be killed safely.
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):  # there is none left
            while (ended := os.waitid(os.P_ALL, 0, look)) is not None:
                if ended.si_pid == self.child:
                    self._kill()
                    self._end_child()
                else:
                    _, _, used = os.wait4(ended.si_pid, 0)
                    self.orphan_seconds += used.ru_utime + used.ru_stime

    def _end_child(self) -> None:
        if self.child is None:
            return
        pid, status, used = os.wait4(self.child, os.WNOHANG)
        if pid == 0:
            return
        self.child = None
        self.orphan_seconds += leftovers.sweep()
        own_seconds = time.process_time() - self.own_seconds
        usage = {
            "cpu_seconds": used.ru_utime + used.ru_stime + own_seconds + self.orphan_seconds,
            "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }
        self._send(event="exited", status=status, usage=usage)

    def _send(self, **message: Any) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(argv: list[str]) -> int:
    """Run as a program: `python -m workers.template FD BACKEND fork|spawn`."""
    fd, backend, isolation = int(argv[0]), argv[1], argv[2]
    control = socket.socket(fileno=fd)
    if isolation == "fork":
        for name in (*BACKEND_MODULES[backend], "jobs.child"):
            importlib.import_module(name)
        importlib.import_module("jobs.catalogue").names()
        gc.freeze()  # a collection in the child would copy the template's pages
    Template(control, isolation).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
