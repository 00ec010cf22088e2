"""Verdicts by paired differences, worked out by hand."""

from __future__ import annotations

import math

import pytest
import yaml

from mmpose_ext.toolbox.zoo.claims import CLAIMS, TRAININGS, Claim, Network, find_studies
from mmpose_ext.toolbox.zoo.jobs import Evaluation, Job
from mmpose_ext.toolbox.zoo.record import insert_result
from mmpose_ext.toolbox.zoo.results import claim_result, markdown, metafile_entries
from mmpose_ext.toolbox.zoo.verdict import CANNOT_TELL, CONFIRMED, REFUTED, compare


def test_the_interval_of_three_pairs() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, and t of 0.975 at 2 degrees of freedom is 4.303."""
    found = compare({0: 11.0, 1: 12.0, 2: 13.0, 7: 99.0}, {2: 10.0, 1: 10.0, 0: 10.0, 8: 1.0})
    assert (found.differences, found.mean, found.deviation) == ((1.0, 2.0, 3.0), 2.0, 1.0)
    assert found.interval == pytest.approx((2 - 4.3027 / math.sqrt(3), 2 + 4.3027 / math.sqrt(3)), abs=1e-3)
    assert found.verdict == CANNOT_TELL


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [((2.0, 2.2, 2.4), CONFIRMED), ((-2.0, -2.2, -2.4), REFUTED), ((2.0, 2.2), CANNOT_TELL), ((), CANNOT_TELL)],
)
def test_the_rule(differences: tuple[float, ...], verdict: str) -> None:
    first = {seed: 50 + difference for seed, difference in enumerate(differences)}
    assert compare(first, dict.fromkeys(first, 50.0)).verdict == verdict


CLAIM = Claim("x", "A is better", (Network("A", "a", 1), Network("B", "b", 1), Network("C", "c", 1)), "PCK")


def job_of(network: Network, seed: int) -> Job:
    test = Evaluation(network.test, "LSPET val")
    name, path = f"{network.config}_seed{seed}", f"configs/{network.config}.py"
    return Job(name, network.config, path, seed, 4, 100, 1, {"train_cfg.max_epochs": 4}, (test,))


def result_of(job: Job) -> dict | None:
    score = {"a": 50.0 + 0.1 * job.seed, "b": 45.0, "c": 55.0}[job.alias]
    common = dict(seconds=120.0, cpu_seconds=100.0, hardware="a CPU", gpu=False, torch="2.0", date="2026-01-01")
    return {"scores": {"": {"AP": 1.0, "AP75": 1.0, "PCK": score}}, **common}


def test_a_claim_is_refuted_if_one_comparison_is() -> None:
    result = claim_result(CLAIM, (0, 1, 2), job_of, lambda network: None, result_of)
    assert [found.verdict for found in result.comparisons] == [CONFIRMED, REFUTED]
    assert result.verdict == REFUTED
    page = markdown([], [result], command="c", missing=lambda key: f"measure {key}")
    assert "A is better: refuted" in page and "50.1 ± 0.1" in page


def test_what_was_not_measured_says_so() -> None:
    missing = "needs the package foo"
    result = claim_result(CLAIM, (0, 1, 2), job_of, lambda one: missing if one.label == "C" else None, lambda job: None)
    assert result.verdict == "not measured"
    page = markdown([], [result], command="c", missing=lambda key: f"measure {key}")
    assert "C needs the package foo. More runs: `measure x`" in page
    assert metafile_entries([], [result], lambda key: key) == []


def test_entries_go_into_a_metafile_once() -> None:
    result = claim_result(CLAIM, (0, 1, 2), job_of, lambda network: None, result_of)
    entries = metafile_entries([], [result], lambda key: f"python tools/train_zoo.py --only {key}")
    text = "# kept\nModels:\n" + "".join(
        f'  - Name: {name}\n    Config: configs/{name}.py\n    Weights: [""]  # kept\n' for name in "abc"
    )
    text += "    Results:\n      - Task: old\n        Dataset: LSPET val\n        Command: other\n"
    text += "Tables:\n  - Number: 1  # kept\n"
    for _ in range(2):
        for config, entry in entries:
            text = insert_result(text, config, entry)
    models = yaml.safe_load(text)["Models"]
    assert [len(model["Results"]) for model in models] == [1, 1, 2]
    assert text.count("# kept") == 5 and yaml.safe_load(text)["Tables"] == [{"Number": 1}]
    found = models[0]["Results"][0]
    assert list(found["Metrics"].items()) == [("PCK", 50.1), ("AP", 1.0)]
    assert (found["Seed"], found["Hardware"]) == ("0, 1, 2", "one core of a CPU, torch 2.0")
    assert (found["Length"], found["Time"]) == ("4 epochs of 100 persons", "about 2 min of CPU each")
    assert found["Note"] == "Mean of 3 seeds, standard deviation of PCK 0.1."
    with pytest.raises(ValueError, match="expected a metafile with configs/d.py"):
        insert_result(text, "configs/d.py", found)


def test_studies_come_in_order_of_value() -> None:
    keys = [study.key for study in (*TRAININGS, *CLAIMS)]
    assert keys[2:4] == ["xhrnet", "sharpose"]
    assert [study.key for study in find_studies(["sfm", "lsp"])] == ["lsp", "sfm"]
    with pytest.raises(ValueError, match="expected studies among lsp, .*got foo"):
        find_studies(["foo"])
