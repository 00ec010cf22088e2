"""Takes what a network has learned about keypoints to a data set with others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmpose.registry import HOOKS
from torch import Tensor

KEY = "keypoint_tokens"
"""How the name of the parameter ends."""


class Carried(NamedTuple):
    """Keypoint tokens for another data set."""

    tokens: Tensor
    """(1, M, D)."""
    known: list[str]
    """Keypoints that have their own token."""
    new: list[str]
    """Keypoints that start from the mean."""


def carry_over(tokens: Tensor, given: Sequence[str], wanted: Sequence[str]) -> Carried:
    """Order tokens by the names of another data set; the mean stands for a keypoint that is not among them.

    Args:
        tokens: (1, number of given names, D).
        given: Names of the keypoints that the tokens were trained for.
        wanted: Names of the others, M.

    Raises:
        ValueError: If there are not as many tokens as given names.
    """
    if tokens.shape[1] != len(given):
        raise ValueError(f"expected a token for each of {len(given)} keypoints, got {tokens.shape[1]}")
    place = {name: index for index, name in enumerate(given)}
    mean = tokens.mean(1)
    rows = [tokens[:, place[name]] if name in place else mean for name in wanted]
    known = [name for name in wanted if name in place]
    return Carried(torch.stack(rows, 1), known, [name for name in wanted if name not in place])


@HOOKS.register_module()
class KeypointTokenHook(Hook):
    """Fit the keypoint tokens of a checkpoint (``load_from``) to the training data, by the names of the keypoints.

    A checkpoint of MMEngine knows the names of its data set. The tokens of those that both data sets have are carried
    over, the others start from the mean of all; the log says which. Nothing happens where the names are the same, in
    a test, or to a checkpoint without names.

    A training whose network has no positions, neither initialized nor loaded, is refused.
    """

    def before_train(self, runner: Runner) -> None:
        """Look at the network once all weights are loaded."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        check = getattr(getattr(model, "backbone", None), "missing_positions", None)
        if check is not None and (message := check()):
            raise ValueError(message)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Exchange the tokens in the checkpoint before it is given to the network.

        Args:
            runner: The runner.
            checkpoint: What was read.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return
        meta = checkpoint.get("meta", {})
        given = names_of(meta.get("dataset_meta") or {})
        wanted = names_of(runner._train_loop.dataloader.dataset.metainfo)
        weights = checkpoint.get("state_dict", checkpoint)
        keys = [key for key in weights if key.endswith(KEY)]
        if not keys or not given or given == wanted:
            return
        for key in keys:
            carried = carry_over(weights[key], given, wanted)
            weights[key] = carried.tokens
            runner.logger.warning(
                f"{key}: the checkpoint has {len(given)} keypoints and the training data {len(wanted)}. "
                f"Carried over by name: {', '.join(carried.known) or 'none'}. "
                f"Start from the mean of the checkpoint's: {', '.join(carried.new) or 'none'}."
            )


def names_of(meta: Mapping[str, Any]) -> list[str]:
    """Names of the keypoints in the metainfo of a data set, none if it says nothing."""
    names = meta.get("keypoint_id2name", {})
    return [names[index] for index in sorted(names)]
