"""From a training checkpoint to a folder that others can use: weights, config, metadata, model card."""

from mmpose_ext.toolbox.publishing.publication import FORMATS, Publication, publish, write_publication
from mmpose_ext.toolbox.publishing.resolved import Resolved, absolute_paths, find_resolved
from mmpose_ext.toolbox.publishing.weights import CHOICES, Source, read_source

__all__ = [
    "CHOICES",
    "FORMATS",
    "Publication",
    "Resolved",
    "Source",
    "absolute_paths",
    "find_resolved",
    "publish",
    "read_source",
    "write_publication",
]
