"""LSPET in MPII's format at 128x128, six crops of each person at test time; see `lspet_mpii_128x128.py`."""

_base_ = ["lspet_mpii_128x128.py"]

codec = dict(type="MSRAHeatmap", input_size=(128, 128), heatmap_size=(32, 32), sigma=2)
zooms = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)

val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="PyramidTopdownAffine", input_size=codec["input_size"], zooms=zooms),
    dict(type="PackPoseInputs"),
]

val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
