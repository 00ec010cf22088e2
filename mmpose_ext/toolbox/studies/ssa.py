"""What keeps BDMP-SCANet's sharper spatial attention from training: noise, the channel attention, bfloat16, the rate.

A small network is trained for each combination of the three, at each learning rate, with each seed: one stack of depth
2 with message passing and SSA at temperature 1, the optimizer of a config, a linear warm-up and one cosine. Within a
seed all runs see the same batches. RMSprop moves every weight by about the rate, so that an output changes with rate
times channels: with 64 channels 1e-3 and 4e-3 stand for 2.5e-4 and 1e-3 with the 256 of the configs.

Losses are shares of the loss of the mean heatmap of the training persons, so that 1 means that nothing was learned. A
network that was trained with noise is evaluated without it, with the expectation of the map, and with noise; on persons
that it was trained on, as few steps teach it little of others, and on others.

Every finished run is kept as a JSON file, so that a stopped study goes on where it was.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS, OPTIM_WRAPPERS, OPTIMIZERS
from torch import Tensor, nn
from tqdm import tqdm

from mmpose_ext.atomic import atomic_write
from mmpose_ext.models.scanet import SharperSpatialAttention
from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.json_file import read_json
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.studies.crops import Crops, load_crops, pck

__all__ = ["FACTORS", "Network", "Setting", "Study", "evaluate", "study_ssa", "train"]

FACTORS = ("noise", "channel_attention", "bfloat16")
"""What is on or off, in the order of the tables."""
MODES = {"none": "never", "mean": "mean", "sampled": "always"}
"""Evaluation -> the argument ``noise`` of SSA that makes it."""

COLUMNS = {
    "train_loss": "training loss",
    **{f"fit_pck_{mode}": f"PCK, {mode}" for mode in MODES},
    **{f"fit_loss_{mode}": f"loss, {mode}" for mode in MODES},
    **{f"loss_{mode}": f"other persons: loss, {mode}" for mode in MODES},
}
"""Key of a row -> its column in the table; PCK and loss are those of the training persons."""


class Setting(NamedTuple):
    """One run."""

    noise: bool
    """Whether SSA draws noise in training."""
    channel_attention: bool
    """Whether SACWA stands before it."""
    bfloat16: bool
    rate: float
    """Peak of the learning rate."""
    seed: int

    @property
    def name(self) -> str:
        """For files."""
        words = [name for name in FACTORS if getattr(self, name)] or ["plain"]
        return f"{'-'.join(words)}_lr{self.rate:g}_seed{self.seed}"


class Network(NamedTuple):
    """Size of the network and of its training, the same in all runs."""

    channels: int = 64
    size: int = 64
    """Height and width of the crops."""
    steps: int = 1000
    batch: int = 2
    persons: int = 64
    """Of the training set; the validation set gives a quarter of it."""


class Study(NamedTuple):
    """All runs."""

    rows: list[dict[str, Any]]
    """Setting, losses, PCK and mean of the map of each run."""
    json: Path
    csv: Path

    def table(self) -> str:
        """PCK and loss by setting, and the effect of each factor, mean and standard deviation over seeds."""
        return f"{_by_setting(self.rows)}\n\n{_effects(self.rows)}"


def study_ssa(
    config: str = "scanet-1s-synthetic",
    *,
    rates: Sequence[float] = (1e-3, 4e-3),
    seeds: Sequence[int] = (0, 1, 2),
    network: Network | None = None,
    threads: int = 1,
    out: str | Path = "work_dirs/study-ssa",
    command: str = "",
) -> Study:
    """Train and evaluate all combinations: in float32 seed by seed, then in bfloat16, which is slow on many CPUs.

    Args:
        config: Path, ``mmpose_ext::path``, base name or alias of a BDMP-SCANet: its data sets, normalization, loss and
            optimizer are used.
        rates: Learning rates.
        seeds: Of weights, batches and noise.
        network: Sizes; None for the defaults.
        threads: CPU threads of PyTorch.
        out: Folder of the results.
        command: The command line, for the JSON file.

    Raises:
        ValueError: If the config has no such data sets, or the folder holds runs with other sizes or data.
    """
    sizes = network or Network()
    torch.set_num_threads(threads)
    settings = load_candidate(config).require_config()
    about = {"config": config, **sizes._asdict()}
    switch = (False, True)
    runs = [
        Setting(noise, channel_attention, bfloat16, rate, seed)
        for bfloat16, seed, rate, noise, channel_attention in itertools.product(switch, seeds, rates, switch, switch)
    ]
    files = {run: Path(out) / "runs" / f"{run.name}.json" for run in runs}
    done = {run: _kept(path, about) for run, path in files.items() if path.is_file()}
    missing = [run for run in runs if run not in done]
    if missing:
        crops, held_out = (
            load_crops(settings, split, size=sizes.size, persons=persons)
            for split, persons in (("train", sizes.persons), ("val", max(1, sizes.persons // 4)))
        )
        for run in tqdm(missing, desc="runs"):
            model, losses = train(run, settings, crops, sizes)
            row = {**run._asdict(), **losses, **evaluate(model, settings, crops, held_out, noise=run.noise)}
            fit = evaluate(model, settings, crops, crops, noise=run.noise)
            row |= {f"fit_{name}": value for name, value in fit.items()}
            with atomic_write(files[run]) as partial:
                partial.write_text(json.dumps({"about": about, "row": row}, indent=1) + "\n")
            done[run] = row
    return _write([done[run] for run in runs], Path(out), {"command": command, **about})


def train(run: Setting, config: Config, crops: Crops, sizes: Network) -> tuple[nn.Module, dict[str, Any]]:
    """Train one network.

    Args:
        run: What is on.
        config: Of a BDMP-SCANet.
        crops: Training persons.
        sizes: Of network and training.

    Returns:
        The network, and its training loss: mean of the last tenth, and the highest behind the warm-up. Null where it is
        not finite, at which the training stops.
    """
    torch.manual_seed(run.seed)
    model = _build(run, config, sizes)
    loss_of = _loss(config)
    kind = "BFloat16OptimWrapper" if run.bfloat16 else "OptimWrapper"
    with DefaultScope.overwrite_default_scope("mmpose"):
        options = {**config.optim_wrapper.optimizer.to_dict(), "lr": run.rate, "params": list(model.parameters())}
        wrapper = OPTIM_WRAPPERS.build(dict(type=kind, optimizer=OPTIMIZERS.build(options)))
    warm = max(1, min(50, sizes.steps // 6))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        wrapper.optimizer,
        lambda step: min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / sizes.steps))),
    )
    order = torch.Generator().manual_seed(run.seed)
    losses: list[float] = []
    queue: list[int] = []
    for _ in range(sizes.steps):
        if len(queue) < sizes.batch:
            queue += torch.randperm(len(crops.images), generator=order).tolist()
        chosen, queue = queue[: sizes.batch], queue[sizes.batch :]
        with wrapper.optim_context(model):
            loss = loss_of(model(crops.images[chosen]), crops.heatmaps[chosen], crops.weights[chosen])
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        wrapper.update_params(loss)
        schedule.step()
    reference = float(loss_of([crops.mean_heatmap.expand_as(crops.heatmaps)], crops.heatmaps, crops.weights))
    tail = losses[-max(1, sizes.steps // 10) :]
    found = dict(train_loss=statistics.fmean(tail) / reference, peak_loss=max(losses[warm:] or losses) / reference)
    return model, _finite(found)


@torch.no_grad()
def evaluate(
    model: nn.Module, config: Config, crops: Crops, held_out: Crops, *, noise: bool, batch: int = 32
) -> dict[str, float | None]:
    """Score one network.

    Args:
        model: What :func:`train` returned.
        config: Of a BDMP-SCANet.
        crops: Training persons, whose mean heatmap gives the loss of reference.
        held_out: Persons to score.
        noise: Whether it was trained with noise; without, there is one evaluation only.
        batch: Batch size.

    Returns:
        For each of :data:`MODES`: ``loss_*``, a share of that of the mean heatmap; ``pck_*``, in percent, within 0.2 of
        the torso; ``mask_*``, the mean of SSA's map. Null where it is not finite.
    """
    model.eval()
    loss_of = _loss(config)
    attention = next(module for module in model.modules() if isinstance(module, SharperSpatialAttention))
    reference = float(loss_of([crops.mean_heatmap.expand_as(held_out.heatmaps)], held_out.heatmaps, held_out.weights))
    found: dict[str, float] = {}
    masks: list[Tensor] = []
    handle = attention.register_forward_pre_hook(lambda module, inputs: masks.append(module.attention(inputs[0]).sharp))
    trained_with = attention.noise
    try:
        for mode in MODES if noise else ("none",):
            attention.noise = MODES[mode]  # type: ignore[assignment]
            masks.clear()
            torch.manual_seed(0)
            heatmaps = torch.cat([model(images)[-1] for images in held_out.images.split(batch)])
            found[f"loss_{mode}"] = float(loss_of([heatmaps], held_out.heatmaps, held_out.weights)) / reference
            found[f"pck_{mode}"] = pck(heatmaps, held_out)
            found[f"mask_{mode}"] = float(torch.cat(masks).mean())
    finally:
        attention.noise = trained_with
        handle.remove()
    return _finite(found)


def _finite(found: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def _build(run: Setting, config: Config, sizes: Network) -> nn.Module:
    variant = dict(message_passing=True, channel_attention=run.channel_attention, spatial_attention="sharp")
    noise = "train" if run.noise else "never"
    changes = dict(num_stacks=1, depth=2, channels=sizes.channels, variant=variant, tau=1.0, noise=noise)
    with DefaultScope.overwrite_default_scope("mmpose"):
        return MODELS.build({**config.model.backbone.to_dict(), **changes})


def _loss(config: Config) -> Any:
    """The loss of the config's head, summed over the stacks."""
    with DefaultScope.overwrite_default_scope("mmpose"):
        one = MODELS.build(config.model.head.loss)
    return lambda outputs, target, weights: sum(one(output, target, weights) for output in outputs)


def _kept(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    """The row of a finished run."""
    content = read_json(path)
    if content["about"] != about:
        raise ValueError(f"{path} was made with {content['about']}, expected {about}: choose another folder")
    return content["row"]


def _write(rows: list[dict[str, Any]], out: Path, about: dict[str, Any]) -> Study:
    study = Study(rows, out / "study-ssa.json", out / "study-ssa.csv")
    columns = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    with atomic_write(study.json) as partial:
        partial.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    with atomic_write(study.csv) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return study


def _by_setting(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each setting."""
    header = [*FACTORS, "rate", *COLUMNS.values()]
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: [row["rate"], *(row[name] for name in FACTORS)]):
        groups.setdefault((*("yes" if row[name] else "no" for name in FACTORS), f"{row['rate']:g}"), []).append(row)
    cells = [
        [*group, *(_spread(row.get(name) for row in found if name in row) for name in COLUMNS)]
        for group, found in groups.items()
    ]
    return markdown_table(header, cells)


def _effects(rows: Sequence[dict[str, Any]]) -> str:
    """What switching a factor on does at each rate: over pairs of runs that differ in nothing else, a mean per seed."""
    rates, seeds = (sorted({row[name] for row in rows}) for name in ("rate", "seed"))
    scores = ("train_loss", "fit_pck_none")
    cells = []
    for name in FACTORS:
        line = [name]
        for rate, score in itertools.product(rates, scores):
            by_seed = []
            for seed in seeds:
                chosen = [row for row in rows if (row["rate"], row["seed"]) == (rate, seed) and row[score] is not None]
                on, off = ([row[score] for row in chosen if row[name] is switch] for switch in (True, False))
                by_seed.append(statistics.fmean(on) - statistics.fmean(off) if on and off else None)
            line.append(_spread(by_seed))
        cells.append(line)
    return markdown_table(
        ["effect of", *(f"{COLUMNS[score]} at {rate:g}" for rate in rates for score in scores)], cells
    )


def _spread(values: Iterable[float | None]) -> str:
    """Mean and standard deviation of a sample; "-" for none, and how many are not finite."""
    given = list(values)
    found = [value for value in given if value is not None]
    if not found:
        return "-"
    text = f"{statistics.fmean(found):.3g}"
    if len(found) > 1:
        text += f" ± {statistics.stdev(found):.2g}"
    return text if len(found) == len(given) else f"{text} ({len(given) - len(found)} diverged)"
