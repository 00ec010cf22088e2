"""What a run leaves behind for the eye: curves and sheets of predictions."""

from mmpose_ext.engine.report.curves import Curves, plot_curves, read_scalars, read_start
from mmpose_ext.engine.report.sheet import Sample, draw_sheet

__all__ = ["Curves", "Sample", "draw_sheet", "plot_curves", "read_scalars", "read_start"]
