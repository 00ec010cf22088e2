"""From a training checkpoint to a folder that others can use: weights, config, metadata, model card."""

from mmpose_ext.toolbox.publishing.publication import FORMATS, Publication, publish
from mmpose_ext.toolbox.publishing.resolved import Resolved, find_resolved
from mmpose_ext.toolbox.publishing.weights import CHOICES, Source, read_source

__all__ = ["CHOICES", "FORMATS", "Publication", "Resolved", "Source", "find_resolved", "publish", "read_source"]
