"""Job states: those that a job has in Redis beside how it ended (`jobs.result.Status`)."""

from __future__ import annotations

QUEUED = "queued"
RUNNING = "running"
OPEN = (QUEUED, RUNNING)  # the states of a job that has not ended
CANCELLED = "cancelled"
SUPERSEDED = "superseded"  # it had ended, and another job was asked for in its place
