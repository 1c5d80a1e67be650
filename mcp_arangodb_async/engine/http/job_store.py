"""Requests that are answered later (`x-arango-async`), and their answers until somebody fetches them."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_arangodb_async.engine.errors import ERROR_HTTP_NOT_FOUND, ERROR_QUEUE_FULL, ArangoError
from mcp_arangodb_async.engine.http.messages import Response

_LONGEST_QUEUE = 4096
_MOST_KEPT = 4096


@dataclass(slots=True, kw_only=True)
class Job:
    """One request: its answer is `None` while it is pending."""

    id: str
    user: str
    run: Callable[[], Response]
    stored: bool
    cancel: Callable[[], None]
    answer: Response | None = None
    finished: float = 0.0
    is_cancelled: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """A bounded queue of requests and the few threads that work on it; threads start with the first job."""

    def __init__(self, *, threads: int = 8, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._threads = threads
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._queue: queue.Queue[Job | None] = queue.Queue(_LONGEST_QUEUE)
        self._ids = itertools.count(int(time.time() * 1000))
        self._workers: list[threading.Thread] = []
        self._closed = False

    def submit(
        self, run: Callable[[], Response], *, user: str, stored: bool, cancel: Callable[[], None]
    ) -> Job:
        """Queue a request; 21003 when too many wait or too many answers were never fetched."""
        with self._lock:
            if self._closed or len(self._jobs) >= _MOST_KEPT:
                raise ArangoError(ERROR_QUEUE_FULL)
            job = Job(id=str(next(self._ids)), user=user, run=run, stored=stored, cancel=cancel)
            try:
                self._queue.put_nowait(job)
            except queue.Full:
                raise ArangoError(ERROR_QUEUE_FULL) from None
            if stored:
                self._jobs[job.id] = job
            if len(self._workers) < self._threads:
                worker = threading.Thread(target=self._work, name="engine-job", daemon=True)
                self._workers.append(worker)
                worker.start()
        return job

    def find(self, number: str, user: str) -> Job:
        """The job with this number, for the user who gave it; 404 otherwise."""
        with self._lock:
            job = self._jobs.get(number)
        if job is None or job.user != user:
            raise ArangoError(ERROR_HTTP_NOT_FOUND, f"no async job {number[:40]!r}")
        return job

    def take(self, number: str, user: str) -> Response | None:
        """The answer, which is then forgotten; `None` while the job is pending."""
        job = self.find(number, user)
        if job.answer is not None:
            with self._lock:
                self._jobs.pop(number, None)
        return job.answer

    def numbers(self, user: str, *, done: bool) -> list[str]:
        with self._lock:
            return [
                job.id for job in self._jobs.values() if job.user == user and (job.answer is not None) == done
            ]

    def cancel(self, number: str, user: str) -> None:
        """Stop a job as soon as it can be stopped; its answer stays to be fetched."""
        job = self.find(number, user)
        job.is_cancelled = True
        job.cancel()

    def discard(self, user: str, *, number: str | None = None, before: float | None = None) -> None:
        """Forget one job, those done before a moment, or all of the user."""
        if number is not None:
            self.find(number, user)
        with self._lock:
            for job in list(self._jobs.values()):
                old = before is None or (job.answer is not None and job.finished < before)
                if job.user == user and (number is None or job.id == number) and old:
                    del self._jobs[job.id]

    def close(self) -> None:
        """Take no more jobs, stop those running, and let the threads end."""
        with self._lock:
            self._closed = True
            jobs, workers = list(self._jobs.values()), list(self._workers)
        for job in jobs:
            if job.answer is None:
                job.cancel()
        for _ in workers:
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                break
        for worker in workers:
            worker.join(timeout=2.0)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None and not self._closed:
            job.answer = job.run()
            job.finished = self._now()
            job.done.set()
