"""`kill -9` of a worker in every phase of a job, and a worker that goes deaf."""

from __future__ import annotations

import signal
import time

import psutil
import pytest

from tests.acceptance.dying_worker import MOMENTS
from tests.acceptance.queue_site import VISIBILITY_SECONDS, QueueSite

JOB_SECONDS = 2
SLACK_SECONDS = 15  # for starting a child on a machine that does other things too
DEADLY = sorted(set(MOMENTS) - {"never", "deaf", "crashed"})
# The moments in which there is a result, so that the job must not be measured again.
MEASURED = {"kept", "delivered", "before-receipt"}


def dies_and_is_followed(site: QueueSite, moments: list[str]) -> None:
    """Kill one worker at each of the moments, and have another of its machine follow it."""
    # Given a worker and a job for each moment
    victims = {moment: site.worker(moment, moment, moment) for moment in moments}
    jobs = {
        moment: site.submit(f"run-{moment}", hardware=moment, seconds=JOB_SECONDS)[0]
        for moment in moments
    }
    # When each worker has been killed at its moment
    for moment, victim in victims.items():
        assert victim.wait(90) == -signal.SIGKILL, site.log(moment)
    for moment in moments:
        site.worker(f"{moment}-2", moment)
    site.ready()
    # Then those that follow bring every job to its one result, and leave nothing behind
    began = time.monotonic()
    site.settle()
    assert time.monotonic() - began < 2 * VISIBILITY_SECONDS + JOB_SECONDS + SLACK_SECONDS
    assert site.waiting_results() == []
    for moment in moments:
        measured = (site.log(moment) + site.log(f"{moment}-2")).count("measuring noop")
        assert measured == 1 if moment in MEASURED else measured <= 2, site.logs()
        assert site.state(jobs[moment]) == "succeeded"


@pytest.mark.slow
def test_the_job_of_a_worker_that_is_killed_is_done_once(site: QueueSite) -> None:
    dies_and_is_followed(site, ["taken", "kept"])


@pytest.mark.exhaustive
@pytest.mark.parametrize("moment", DEADLY)
def test_a_worker_is_killed_at_any_moment(site: QueueSite, moment: str) -> None:
    dies_and_is_followed(site, [moment])


@pytest.mark.exhaustive
def test_a_deaf_worker_replaces_itself_and_works(site: QueueSite) -> None:
    # Given a worker that has done a job, and asks for no other
    worker = site.worker("deaf", moment="deaf")
    site.ready()
    site.submit("run-1")
    site.settle()
    template = psutil.Process(worker.pid).children()
    assert template
    # When a job waits for it
    site.submit("run-2")
    # Then the very process takes it, in a new life, and nothing of the old one is left
    site.settle(90)
    assert worker.poll() is None
    assert site.log("deaf").count("it starts anew") == 1
    assert [name.rsplit("-", 1)[1] for name in site.names()] == [str(worker.pid)]
    children = psutil.Process(worker.pid).children()
    assert not set(children) & set(template)
    assert psutil.STATUS_ZOMBIE not in [child.status() for child in children]
    # And goes in peace when it is told to
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, site.log("deaf")


@pytest.mark.exhaustive
def test_a_worker_whose_celery_ends_by_itself_starts_anew(site: QueueSite) -> None:
    worker = site.worker("crashed", moment="crashed")
    site.ready()
    site.submit("run-1")
    site.settle()
    assert worker.poll() is None
    assert site.log("crashed").count("the worker starts anew") == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, site.log("crashed")
