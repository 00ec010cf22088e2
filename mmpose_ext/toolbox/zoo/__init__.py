"""The zoo: trainings and comparisons on the Leeds photographs within a time budget, with a verdict on each claim."""

from mmpose_ext.toolbox.zoo.claims import CLAIMS, TRAININGS, Claim, Network, Training
from mmpose_ext.toolbox.zoo.verdict import Comparison, compare
from mmpose_ext.toolbox.zoo.zoo import Zoo, train_zoo

__all__ = ["CLAIMS", "TRAININGS", "Claim", "Comparison", "Network", "Training", "Zoo", "compare", "train_zoo"]
