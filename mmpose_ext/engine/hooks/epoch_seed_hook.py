"""Seeds every epoch anew, so that a resumed training ends with the weights of an unbroken one.

MMEngine seeds once, when a run starts. A run that is resumed after epoch k therefore draws the augmentations of epoch
1 again, and workers of a data loader that are started anew for each epoch draw the same ones in every epoch. No
report upstream was found.
"""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


def seed_everything(*numbers: int) -> None:
    """Seed Python, numpy and torch with a hash of all the numbers."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_worker(worker: int, *, numbers: tuple[int, ...]) -> None:
    """Seed a worker of a data loader; its number comes last, which is how a loader calls it."""
    seed_everything(*numbers, 1 + worker)


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds the process and the loader's workers at the start of each epoch with (seed, epoch, rank).

    Holds for epoch-based training with ``randomness = dict(seed=...)``: what is resumed from the checkpoint of an
    epoch is then, on the same machine, equal to what was never interrupted. Persistent workers are started anew for
    each epoch, since they can't be seeded while they run.
    """

    priority = "HIGH"

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for this epoch."""
        numbers = (runner.seed, runner.epoch, get_rank())
        loader = runner.train_loop.dataloader
        loader.worker_init_fn = partial(seed_worker, numbers=numbers)
        loader._iterator = None  # ends persistent workers
        seed_everything(*numbers, 0)
