"""Runs jobs side by side within a time budget. Nothing here knows what a job is: callers say how long it lasts.

A job that was begun in an earlier run goes on in any case. A new one is begun only if it is expected to end in time;
a later one that fits takes its place. What runs at the end of the budget is stopped, to go on in the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

__all__ = ["DONE", "FAILED", "FITS_NOT", "STOPPED", "WAITS", "Event", "Handle", "Workshop", "run_jobs", "simulate"]

DONE, FAILED, STOPPED, FITS_NOT, WAITS = "done", "failed", "stopped", "does not fit", "waits for another"


class Handle(Protocol):
    """A job that runs."""

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""

    def stop(self) -> None:
        """End it now; what it has reached is kept."""


class Workshop(Protocol):
    """Where jobs, known by their names, are done."""

    def remaining(self, name: str) -> float:
        """Seconds that a job still needs; 0 if it is done."""

    def is_done(self, name: str) -> bool:
        """Whether all of its results are there."""

    def is_begun(self, name: str) -> bool:
        """Whether it has something to go on from."""

    def start(self, name: str) -> Handle:
        """Begin a job or go on with it."""


class Event(NamedTuple):
    """Something that happened to a job."""

    seconds: float
    """Since the start of the run."""
    name: str
    what: str
    """``begin``, or an outcome."""


def run_jobs(
    names: Sequence[str],
    workshop: Workshop,
    *,
    slots: int,
    budget: float,
    after: dict[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    tick: float = 0.5,
    tell: Callable[[Event], object] = lambda event: None,
) -> dict[str, str]:
    """Do jobs, the most valuable first.

    Args:
        names: In order of value.
        workshop: Where they are done.
        slots: How many run at a time.
        budget: Seconds.
        after: Name -> the job that has to be done before.
        clock: For tests.
        sleep: For tests.
        tick: Seconds between two looks.
        tell: Called with each event.

    Returns:
        Name -> outcome.
    """
    begin = clock()
    outcomes = {name: DONE for name in names if workshop.is_done(name)}
    waiting = sorted((name for name in names if name not in outcomes), key=lambda name: not workshop.is_begun(name))
    running: dict[str, Handle] = {}

    def end(name: str, outcome: str) -> None:
        outcomes[name] = outcome
        tell(Event(clock() - begin, name, outcome))

    try:
        while True:
            for name, handle in list(running.items()):
                status = handle.poll()
                if status is not None:
                    del running[name]
                    end(name, DONE if status == 0 and workshop.is_done(name) else FAILED)
            left = budget - (clock() - begin)
            while len(running) < slots and left > 0:
                ready = (one for one in waiting if _may_begin(one, workshop, left, outcomes, after or {}))
                name = next(ready, "")
                if not name:
                    break
                waiting.remove(name)
                tell(Event(clock() - begin, name, "begin"))
                running[name] = workshop.start(name)
            if not running or left <= 0:
                break
            sleep(tick)
    finally:  # also at Control-C
        for name, handle in running.items():
            handle.stop()
            end(name, STOPPED)
    for name in waiting:
        first = (after or {}).get(name)
        outcomes[name] = WAITS if first and outcomes.get(first) != DONE else FITS_NOT
    return outcomes


def _may_begin(name: str, workshop: Workshop, left: float, outcomes: dict[str, str], after: dict[str, str]) -> bool:
    if name in after and outcomes.get(after[name]) != DONE:
        return False
    return workshop.is_begun(name) or workshop.remaining(name) <= left


class _Paper:
    """A workshop on paper, whose jobs last as long as expected."""

    def __init__(self, workshop: Workshop, budget: float) -> None:
        self.now = 0.0
        self._workshop, self._budget = workshop, budget
        self._ends: dict[str, float] = {}

    def remaining(self, name: str) -> float:
        return self._workshop.remaining(name)

    def is_done(self, name: str) -> bool:
        return self._workshop.is_done(name) or self._ends.get(name, float("inf")) <= self.now

    def is_begun(self, name: str) -> bool:
        return self._workshop.is_begun(name)

    def start(self, name: str) -> Handle:
        self._ends[name] = self.now + self.remaining(name)
        return _PaperJob(self, name)

    def sleep(self, seconds: float) -> None:
        """Let time pass to the end of the next job, or of the budget."""
        coming = [end for end in self._ends.values() if end > self.now]
        self.now = min([*coming, self._budget])


class _PaperJob(NamedTuple):
    paper: _Paper
    name: str

    def poll(self) -> int | None:
        return 0 if self.paper.is_done(self.name) else None

    def stop(self) -> None:
        pass


def simulate(
    names: Sequence[str], workshop: Workshop, *, slots: int, budget: float, after: dict[str, str] | None = None
) -> tuple[list[Event], dict[str, str]]:
    """What :func:`run_jobs` would do if all jobs lasted as long as expected.

    Args:
        names: In order of value.
        workshop: Knows how long they last; nothing is started there.
        slots: As there.
        budget: As there.
        after: As there.

    Returns:
        Events and outcomes.
    """
    paper, events = _Paper(workshop, budget), list[Event]()
    outcomes = run_jobs(
        names,
        paper,
        slots=slots,
        budget=budget,
        after=after,
        clock=lambda: paper.now,
        sleep=paper.sleep,
        tell=events.append,
    )
    return events, outcomes
