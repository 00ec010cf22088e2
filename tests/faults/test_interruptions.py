"""What is stopped while it writes leaves nothing half-written, loses nothing, and goes on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults import interruptions
from tests.faults.commands import Workshop, failures
from tests.faults.jobs import JOBS, TRAININGS, Job, interruptions_of, measure, stop, training_attacks, two_trainings
from tests.faults.outcome import Outcome


def in_place(shop: Workshop, out: Path) -> int:
    """Writes as nobody should."""
    with (out / "a.json").open("w") as file:
        file.write("{")
        file.flush()
        (out / "b.json").write_text('"' + "x" * 5000 + '"')
        file.write("}")
    return 0


def older(shop: Workshop, out: Path) -> None:
    (out / "a.json").write_text("{}")


@pytest.mark.parametrize(
    "how",
    [
        interruptions.at_step(2, kill=True),
        interruptions.at_step(2, kill=False),
        interruptions.in_file(1000, kill=True),
        interruptions.in_file(1000, kill=False),
        interruptions.read_only(2),
    ],
    ids=lambda how: how.name,
)
def test_a_weak_writer_is_found_out(shop: Workshop, how) -> None:
    assert stop(shop, Job("weak", in_place, older), how, again=False).outcome is Outcome.LOST


def test_a_small_disk_is_full(shop: Workshop) -> None:
    if not interruptions.can_mount():
        pytest.skip("no file system can be mounted here")
    assert stop(shop, Job("weak", in_place, older), interruptions.full_disk(0), again=False).outcome is Outcome.LOST


@pytest.mark.parametrize("how", [interruptions.read_only(), interruptions.without_privileges()], ids=lambda h: h.name)
def test_a_folder_is_read_only(shop: Workshop, how) -> None:
    found = stop(shop, Job("weak", lambda shop, out: (out / "a.json").write_text("{}") and 0), how, again=False)
    assert found.outcome is Outcome.TRACEBACK and "a.json" in found.said


def attacks(shop: Workshop, job: Job, *, number: int, seed: int):
    about = measure(shop, job)
    chosen = interruptions_of(*about, random.Random(seed), number=number, mount=interruptions.can_mount())
    return [stop(shop, job, how) for how in chosen]


@pytest.mark.parametrize("command", ["convert", "synthetic"])
def test_stopped(shop: Workshop, command: str) -> None:
    (job,) = [job for job in JOBS if job.command == command]
    assert failures(attacks(shop, job, number=1, seed=0)) == []


@pytest.mark.slow
@pytest.mark.parametrize("job", [job for job in JOBS if job.command != "reproduce"], ids=lambda job: job.command)
def test_all_stopped(shop: Workshop, job: Job) -> None:
    assert failures(attacks(shop, job, number=1, seed=1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("network", TRAININGS)
def test_training_is_stopped_and_resumed(shop: Workshop, network: str) -> None:
    made = list(training_attacks(shop, network, number=1, seed=0, few=4))
    assert len(made) == 4 and failures(made) == []


@pytest.mark.slow
def test_two_trainings_at_once(shop: Workshop) -> None:
    assert failures([two_trainings(shop)]) == []
