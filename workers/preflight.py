"""Preflight: before a job, wait until the machine is quiet, up to a limit; else say why it is not.

A result from a machine that is not quiet is kept and marked, never dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from workers import load
from workers.probes import power
from workers.probes.sensors import ALARMS, Sensors

if TYPE_CHECKING:
    from workers.hardware import Hardware

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 1.0  # between two looks while waiting
LOOK_SECONDS = 0.25
# So short a look sees 25 ticks a CPU: only what takes a quarter of a core, or 2 % of very many
# CPUs, is worth waiting for. The counters over the whole job find the rest.
BUSY_CORES = 0.25
BUSY_UTILISATION = 0.1  # of a GPU on which nothing of ours runs
HOT_WITHIN_CELSIUS = 5.0  # of the temperature from which it slows down


class Preflight:
    """Looks at the machine before each job; knows whether it has been waited for in vain.

    `look` returns what is wrong with the machine now, in words. A machine that stays busy is
    waited for once: until it has been seen quiet, the jobs that follow are only marked.
    """

    def __init__(
        self,
        look: Callable[[], tuple[str, ...]],
        *,
        patience_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._clock = clock
        self._gave_up = False

    def clear(self) -> tuple[str, ...]:
        """Return what is still wrong when the job has to begin; nothing when all is quiet."""
        wrong = self._look()
        if wrong and not self._gave_up and self._patience_seconds > 0:
            logger.info("waiting up to %g s: %s", self._patience_seconds, "; ".join(wrong))
            deadline = self._clock() + self._patience_seconds
            while wrong and (left := deadline - self._clock()) > 0:
                self._sleep(min(PAUSE_SECONDS, left))
                wrong = self._look()
            if wrong:
                logger.warning("measuring all the same, marked as noisy: %s", "; ".join(wrong))
        self._gave_up = bool(wrong)
        return wrong


class Look:
    """One look at the machine, of a third of a second at most on one that is quiet."""

    def __init__(
        self,
        hardware: Hardware,
        sensors: Sensors,
        cpus: Collection[int],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._device = hardware.device.upper()
        self._sensors = sensors
        self._cpus = cpus
        self._sleep = sleep

    def __call__(self) -> tuple[str, ...]:
        """Return what is wrong, in words for a table's footnote."""
        throttled = self._sensors.throttle_counts()
        before = load.read()
        self._sleep(LOOK_SECONDS)
        seen = load.between(before, load.read(), cpus=self._cpus, own_seconds=0.0)
        wrong = []
        if seen.foreign_cores > max(BUSY_CORES, load.TOLERATED_SHARE * seen.cpus):
            wrong.append(f"other processes used {seen.foreign_words} before it began")
        wrong += self._device_reasons(throttled)
        return (*wrong, *_power_reasons())

    def _device_reasons(self, throttled: Mapping[str, int]) -> list[str]:
        sensors, wrong = self._sensors, []
        if foreign := sensors.foreign_processes():
            wrong.append(f"other processes on the {self._device} before it began: {foreign}")
        sample = sensors.sample()
        if (sample.utilisation or 0) > BUSY_UTILISATION:
            # A GPU's figure is of the last second, part of which our own last job may have had.
            self._sleep(PAUSE_SECONDS)
            sample = sensors.sample()
            if (sample.utilisation or 0) > BUSY_UTILISATION:
                wrong.append(
                    f"the {self._device} was {sample.utilisation:.0%} busy before it began"
                )
        limit = sensors.temperature_limit_celsius()
        heat = sample.temperature_celsius
        if limit is not None and heat is not None and heat > limit - HOT_WITHIN_CELSIUS:
            wrong.append(
                f"the {self._device} was hot before it began: {heat:.0f} °C, and it slows down "
                f"at {limit:.0f} °C"
            )
        counts = sensors.throttle_counts()
        risen = {name for name, count in counts.items() if count > throttled.get(name, count)}
        if alarms := sorted(ALARMS.intersection({*(sample.throttle_reasons or ()), *risen})):
            wrong.append(
                f"the {self._device} had slowed itself down before it began ({', '.join(alarms)})"
            )
        return wrong


def _power_reasons() -> list[str]:
    wrong = []
    # A machine without a battery is on mains, or a virtual one that cannot know.
    if power.on_mains(virtual=None) is False:
        wrong.append("the machine ran on battery")
    if power.power_mode() == power.LOW_POWER:
        wrong.append("the machine was in its low-power mode")
    limit = power.speed_limit()
    if limit is not None and limit < 1:
        wrong.append(f"macOS had limited the processor to {limit:.0%} of its speed")
    return wrong
