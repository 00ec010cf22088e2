"""What the zoo's runs say: scores by network and seed, verdicts, and the metafiles' entries."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED
from mmpose_ext.toolbox.zoo.claims import Claim, Network, Training
from mmpose_ext.toolbox.zoo.jobs import Job
from mmpose_ext.toolbox.zoo.verdict import CANNOT_TELL, CONFIRMED, REFUTED, RULE, Comparison, compare

__all__ = ["ClaimResult", "Measured", "claim_result", "markdown", "metafile_entries", "summary"]

Result = dict[str, Any]


class Measured(NamedTuple):
    """The finished runs of a network."""

    network: Network
    job: Job | None
    """Of the first seed; None if the network can't be trained here."""
    reason: str | None
    """Why it can't."""
    runs: dict[int, Result]
    """Seed -> what :func:`.worker.do_job` returned."""

    def scores(self, metric: str) -> dict[int, float]:
        """Seed -> score.

        Args:
            metric: As the metafiles name it.
        """
        return {seed: run["scores"][self.network.test][metric] for seed, run in self.runs.items()}

    def mean(self, metric: str) -> str:
        """Mean and standard deviation over the seeds, for a table.

        Args:
            metric: As the metafiles name it.
        """
        values = list(self.scores(metric).values())
        if not values:
            return NOT_MEASURED
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        return f"{statistics.fmean(values):.1f}{spread}"


class ClaimResult(NamedTuple):
    """A claim with what was measured."""

    claim: Claim
    networks: tuple[Measured, ...]
    comparisons: tuple[Comparison, ...]
    """The first network against each of the others."""

    @property
    def verdict(self) -> str:
        """Confirmed if each comparison is, refuted if one of them is."""
        verdicts = {comparison.verdict for comparison in self.comparisons}
        if not any(network.runs for network in self.networks):
            return NOT_MEASURED
        return REFUTED if REFUTED in verdicts else CONFIRMED if verdicts == {CONFIRMED} else CANNOT_TELL


def claim_result(
    claim: Claim,
    seeds: Sequence[int],
    job_of: Callable[[Network, int], Job],
    reason_against: Callable[[Network], str | None],
    result_of: Callable[[Job], Result | None],
) -> ClaimResult:
    """Collect what was measured for a claim.

    Args:
        claim: The claim.
        seeds: Of the run.
        job_of: Network and seed -> job.
        reason_against: Network -> why it can't be trained here.
        result_of: Job -> its result, None before its end.
    """
    found = []
    for network in claim.networks:
        reason = reason_against(network)
        jobs = {} if reason else {seed: job_of(network, seed) for seed in seeds}
        runs = {seed: result for seed, job in jobs.items() if (result := result_of(job)) is not None}
        found.append(Measured(network, next(iter(jobs.values()), None), reason, runs))
    first, *others = found
    comparisons = [compare(first.scores(claim.metric), other.scores(claim.metric)) for other in others]
    return ClaimResult(claim, tuple(found), tuple(comparisons))


def summary(result: ClaimResult) -> dict[str, Any]:
    """A claim for a JSON file.

    Args:
        result: The claim.
    """
    first, *others = result.networks
    metric = result.claim.metric
    return {
        "claim": result.claim.key,
        "text": result.claim.text,
        "metric": metric,
        "verdict": result.verdict,
        "networks": [
            {
                "label": one.network.label,
                "config": one.network.config,
                "epochs": one.job and one.job.epochs,
                "persons": one.job and one.job.persons,
                "scores": one.scores(metric),
                "all": {seed: run["scores"][one.network.test] for seed, run in one.runs.items()},
                "cpu_seconds": {seed: round(run["cpu_seconds"], 1) for seed, run in one.runs.items()},
                "reason": one.reason,
            }
            for one in result.networks
        ],
        "comparisons": [
            {"first": first.network.label, "second": other.network.label, **comparison._asdict()}
            for other, comparison in zip(others, result.comparisons, strict=True)
        ],
    }


def markdown(
    trainings: Sequence[tuple[Training, Job, Result | None]],
    claims: Sequence[ClaimResult],
    *,
    command: str,
    missing: Callable[[str], str],
) -> str:
    """All results as a page.

    Args:
        trainings: Each with its job and its result.
        claims: Each with its runs.
        command: What was run.
        missing: Key of a study -> command that would measure it.
    """
    parts = ["# The zoo", f"`{command}`", RULE]
    for training, job, result in trainings:
        parts.append(f"## {job.alias}: {job.epochs} epochs of {job.persons} persons")
        scores = result["scores"] if result else {}
        for data, metrics in scores.items():
            parts.append(markdown_table([data, *metrics], [["", *(f"{value:.1f}" for value in metrics.values())]]))
        parts += [] if result else [f"{NOT_MEASURED}: `{missing(training.key)}`"]
    for claim in claims:
        parts += [f"## {claim.claim.text}: {claim.verdict}", _networks(claim), _comparisons(claim)]
        if any(comparison.verdict == CANNOT_TELL for comparison in claim.comparisons):
            reasons = [f"{one.network.label} {one.reason}. " for one in claim.networks if one.reason]
            parts.append(f"{''.join(reasons)}More runs: `{missing(claim.claim.key)}`")
    return "\n\n".join(parts) + "\n"


def _networks(claim: ClaimResult) -> str:
    rows = []
    for one in claim.networks:
        length = f"{one.job.epochs} x {one.job.persons}" if one.job else "-"
        minutes = [run["cpu_seconds"] / 60 for run in one.runs.values()]
        by_seed = ", ".join(f"{seed}: {value:.1f}" for seed, value in one.scores(claim.claim.metric).items()) or "-"
        data = one.job.tests[0].data if one.job else "-"
        time = f"{statistics.fmean(minutes):.0f} min" if minutes else "-"
        rows.append([one.network.label, data, length, by_seed, one.mean(claim.claim.metric), time])
    return markdown_table(["network", "data", "epochs x persons", "by seed", claim.claim.metric, "CPU, one run"], rows)


def _comparisons(claim: ClaimResult) -> str:
    first, *others = claim.networks
    rows = []
    for other, found in zip(others, claim.comparisons, strict=True):
        mean = "-" if found.mean is None else f"{found.mean:+.2f}"
        spread = "" if found.deviation is None else f" ± {found.deviation:.2f}"
        interval = "-" if found.interval is None else f"{found.interval[0]:+.2f} to {found.interval[1]:+.2f}"
        names = f"{first.network.label} less {other.network.label}"
        rows.append([names, str(len(found.differences)), f"{mean}{spread}", interval, found.verdict])
    return markdown_table(["difference", "pairs", "mean ± deviation", "95 % interval of the mean", "verdict"], rows)


def metafile_entries(
    trainings: Sequence[tuple[Training, Job, Result | None]],
    claims: Sequence[ClaimResult],
    command: Callable[[str], str],
) -> list[tuple[str, dict[str, Any]]]:
    """Name of a config and an entry for its ``Results``, for all that was measured.

    Args:
        trainings: Each with its job and its result.
        claims: Each with its runs.
        command: Key of a claim -> command that measures it.
    """
    found: dict[tuple[str, str, str], tuple[str, dict[str, Any]]] = {}
    for _, job, result in trainings:
        if result:
            for data, metrics in result["scores"].items():
                chosen = {name: round(metrics[name], 1) for name in _recorded(metrics)}
                found[job.name, data, ""] = (job.config, _entry(job, data, chosen, {job.seed: result}, job.command))
    for claim in claims:
        for network in claim.networks:
            if network.job and network.runs:
                job = network.job
                entry = _claim_entry(network, job, claim.claim.metric, command(claim.claim.key))
                found.setdefault((job.name, entry["Dataset"], network.network.test), (job.config, entry))
    return list(found.values())


def _recorded(names: Iterable[str], first: str = "torso PCK@0.2") -> list[str]:
    """The scores that the metafiles have, the most important first, which tables print."""
    kept = [name for name in names if name.startswith(("torso", "PCK")) or name in ("AP", "AP50")]
    return sorted(kept, key=lambda name: name != first)


def _claim_entry(network: Measured, job: Job, metric: str, command: str) -> dict[str, Any]:
    names = next(iter(network.runs.values()))["scores"][network.network.test]
    metrics = {name: round(statistics.fmean(network.scores(name).values()), 1) for name in _recorded(names, metric)}
    notes = [f"{network.network.test} stage"] * bool(network.network.test)
    if spread := network.mean(metric).partition(" ± ")[2]:
        notes.append(f"mean of {len(network.runs)} seeds, standard deviation of {metric} {spread}")
    entry = _entry(job, job.tests[0].data, metrics, network.runs, command)
    note = ", ".join(notes)
    return {**entry, **({"Note": f"{note[0].upper()}{note[1:]}."} if notes else {})}


def _length(job: Job) -> str:
    """The length of a training, unless it is its config's."""
    if not job.start and not {"train_cfg.max_epochs", "train_dataloader.dataset.indices"} & job.options.keys():
        return ""
    own = f"{job.epochs} epoch{'s' * (job.epochs > 1)} of {job.persons} persons"
    return f"{job.start.epochs} of {job.start.persons} rendered and {own}" if job.start else own


def _entry(
    job: Job, data: str, metrics: Mapping[str, float], runs: Mapping[int, Result], command: str
) -> dict[str, Any]:
    last = max(runs.values(), key=lambda run: run["date"])
    seconds, of = ("seconds", "") if last.get("gpu") else ("cpu_seconds", " of CPU")
    minutes = statistics.fmean(run[seconds] for run in runs.values()) / 60
    where = last["hardware"] if last.get("gpu") else f"one core of {last['hardware']}"
    return {
        "Task": "Body 2D Keypoint",
        "Dataset": data,
        **({"Length": length} if (length := _length(job)) else {}),
        "Metrics": dict(metrics),
        "Hardware": f"{where}, torch {last['torch']}",
        "Time": f"about {minutes:.0f} min{of}" + (" each" if len(runs) > 1 else ""),
        "Seed": ", ".join(map(str, runs)),
        "Date": last["date"],
        "Command": command,
    }
