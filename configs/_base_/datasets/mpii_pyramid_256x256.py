"""MPII at 256x256 with color jitter, and six crops of each person at test time for a multi-scale estimator.

The paper says six scales and not which; these are 0.7 to 1.2.
"""

_base_ = ["mpii_jitter_256x256.py"]

codec = dict(type="MSRAHeatmap", input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
zooms = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)

val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="PyramidTopdownAffine", input_size=codec["input_size"], zooms=zooms),
    dict(type="PackPoseInputs"),
]

val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
