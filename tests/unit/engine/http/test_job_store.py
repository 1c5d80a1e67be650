"""Jobs run in the background; their answers wait for the user who asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.http.job_store import Jobs
from mcp_arangodb_async.engine.http.messages import Response

ANSWER = Response(status=200, body=b"done")


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    store = Jobs(threads=2)
    yield store
    store.close()


def nothing() -> None:
    """Stop nothing."""


def test_an_answer_is_kept_until_it_is_fetched_once(jobs: Jobs) -> None:
    job = jobs.submit(lambda: ANSWER, user="u", stored=True, cancel=nothing)
    assert job.done.wait(5)
    assert jobs.numbers("u", done=True) == [job.id]
    assert jobs.numbers("other", done=True) == []
    assert jobs.take(job.id, "u") is ANSWER
    with pytest.raises(ArangoError) as caught:
        jobs.take(job.id, "u")
    assert caught.value.num == 404


def test_a_pending_job_is_listed_and_can_be_stopped(jobs: Jobs) -> None:
    release = threading.Event()

    def run() -> Response:
        release.wait(5)
        return ANSWER

    job = jobs.submit(run, user="u", stored=True, cancel=release.set)
    assert jobs.numbers("u", done=False) == [job.id]
    assert jobs.take(job.id, "u") is None
    jobs.cancel(job.id, "u")
    assert job.done.wait(5)
    assert job.is_cancelled


def test_a_job_that_is_not_stored_leaves_nothing(jobs: Jobs) -> None:
    job = jobs.submit(lambda: ANSWER, user="u", stored=False, cancel=nothing)
    assert job.done.wait(5)
    assert jobs.numbers("u", done=True) == jobs.numbers("u", done=False) == []


def test_answers_can_be_discarded_one_by_one_by_age_and_all(jobs: Jobs) -> None:
    made = [jobs.submit(lambda: ANSWER, user="u", stored=True, cancel=nothing) for _ in range(3)]
    assert all(job.done.wait(5) for job in made)
    jobs.discard("u", number=made[0].id)
    assert len(jobs.numbers("u", done=True)) == 2
    jobs.discard("u", before=0)
    assert len(jobs.numbers("u", done=True)) == 2
    jobs.discard("u")
    assert jobs.numbers("u", done=True) == []
    with pytest.raises(ArangoError):
        jobs.discard("u", number="AreYouThere")


def test_a_closed_store_takes_no_jobs() -> None:
    store = Jobs()
    store.close()
    with pytest.raises(ArangoError) as caught:
        store.submit(lambda: ANSWER, user="u", stored=True, cancel=nothing)
    assert (caught.value.num, caught.value.status) == (21003, 503)
