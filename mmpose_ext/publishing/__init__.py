"""From a training checkpoint to a folder that others can use: weights, config, metadata, model card."""

from mmpose_ext.publishing.publication import FORMATS, Publication, publish
from mmpose_ext.publishing.resolved import Resolved, find_resolved
from mmpose_ext.publishing.weights import CHOICES, Source, read_source

__all__ = ["CHOICES", "FORMATS", "Publication", "Resolved", "Source", "find_resolved", "publish", "read_source"]
