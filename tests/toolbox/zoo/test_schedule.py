"""The budget is kept, value comes first, and what was begun goes on."""

from __future__ import annotations

import pytest

from mmpose_ext.toolbox.zoo.schedule import DONE, FAILED, FITS_NOT, STOPPED, WAITS, run_jobs, simulate


class FakeWorkshop:
    """Jobs that take as long as given, in a time that passes with each look."""

    def __init__(self, seconds: dict[str, float], expected: dict[str, float] | None = None) -> None:
        self.now = 0.0
        self.seconds, self.expected = dict(seconds), {**seconds, **(expected or {})}
        self.worked = dict.fromkeys(seconds, 0.0)
        self.running: list[str] = []
        self.most = 0
        self.broken: set[str] = set()

    def remaining(self, name: str) -> float:
        return self.expected[name] - self.worked[name]

    def is_done(self, name: str) -> bool:
        return name not in self.broken and self.worked[name] >= self.seconds[name]

    def is_begun(self, name: str) -> bool:
        return self.worked[name] > 0

    def start(self, name: str) -> FakeJob:
        self.running.append(name)
        self.most = max(self.most, len(self.running))
        return FakeJob(self, name)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for name in self.running:
            self.worked[name] += seconds


class FakeJob:
    def __init__(self, workshop: FakeWorkshop, name: str) -> None:
        self.workshop, self.name = workshop, name

    def poll(self) -> int | None:
        if self.workshop.worked[self.name] < self.workshop.seconds[self.name]:
            return None
        self.stop()
        return int(self.name in self.workshop.broken)

    def stop(self) -> None:
        self.workshop.running.remove(self.name)


def do(workshop: FakeWorkshop, **options: object) -> dict[str, str]:
    options = dict(slots=1, budget=100.0, tick=1.0) | options
    names = list(workshop.seconds)
    return run_jobs(names, workshop, clock=lambda: workshop.now, sleep=workshop.sleep, **options)  # type: ignore[arg-type]


def test_what_does_not_fit_makes_room_for_what_does() -> None:
    workshop = FakeWorkshop({"a": 40, "b": 90, "c": 50, "d": 20})
    assert do(workshop) == {"a": DONE, "b": FITS_NOT, "c": DONE, "d": FITS_NOT}
    assert workshop.worked["b"] == workshop.worked["d"] == 0


def test_slots_are_filled_and_not_exceeded() -> None:
    workshop = FakeWorkshop({name: 30.0 for name in "abcdef"})
    assert set(do(workshop, slots=2).values()) == {DONE}
    assert (workshop.most, workshop.now) == (2, 90.0)


def test_a_job_that_lasts_longer_is_stopped_at_the_budget_and_goes_on_first() -> None:
    workshop = FakeWorkshop({"a": 10, "b": 150, "c": 30}, expected={"b": 80})
    assert do(workshop) == {"a": DONE, "b": STOPPED, "c": FITS_NOT}
    assert (workshop.now, workshop.worked["b"], workshop.running) == (100.0, 90.0, [])
    workshop.now = 0.0
    assert do(workshop) == {"a": DONE, "b": DONE, "c": DONE}
    assert workshop.now == 90.0  # 60 that b lacked, and c


def test_what_was_begun_goes_on_although_it_cannot_end() -> None:
    workshop = FakeWorkshop({"a": 20, "b": 500})
    workshop.worked["b"] = 1.0
    assert do(workshop) == {"b": STOPPED, "a": FITS_NOT}
    assert workshop.worked["b"] == 101.0


def test_a_job_waits_for_the_one_it_starts_from() -> None:
    workshop = FakeWorkshop({"second": 10, "first": 20, "other": 5})
    after = {"second": "first"}
    assert do(workshop, slots=2, after=after) == {"first": DONE, "second": DONE, "other": DONE}
    assert workshop.now == 30.0
    workshop = FakeWorkshop({"second": 10, "first": 200})
    assert do(workshop, after=after) == {"first": FITS_NOT, "second": WAITS}


def test_a_failure_does_not_end_the_run() -> None:
    workshop = FakeWorkshop({"a": 10, "b": 10})
    workshop.broken = {"a"}
    assert do(workshop) == {"a": FAILED, "b": DONE}


def test_an_interruption_stops_what_runs() -> None:
    workshop = FakeWorkshop({"a": 10, "b": 10})

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(["a", "b"], workshop, slots=2, budget=9e9, clock=lambda: 0.0, sleep=interrupt)
    assert workshop.running == []


def test_the_plan_is_what_happens() -> None:
    seconds = {"a": 30.0, "b": 90.0, "c": 50.0, "d": 15.0, "e": 20.0}
    after = {"d": "c"}
    planned, outcomes = simulate(list(seconds), FakeWorkshop(seconds), slots=2, budget=120.0, after=after)
    happened: list = []
    assert do(FakeWorkshop(seconds), slots=2, budget=120.0, after=after, tell=happened.append) == outcomes
    assert happened == planned
    assert outcomes == {name: DONE for name in seconds}
