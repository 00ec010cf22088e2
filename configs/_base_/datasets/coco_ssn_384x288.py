"""COCO at 384x288 (HxW) as SSN has it: targets of four widths, its augmentation, Soft-NMS on the detector's boxes.

Files as in `coco_384x288.py`. The paper names no flips in training, though it flips in testing, so there are none.
"""

_base_ = ["coco_384x288.py"]

codec = dict(type="MultiSigmaHeatmap", input_size=(288, 384), heatmap_size=(72, 96), sigma=[1.7, 2.3, 2.9, 3.8])

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(
        type="RandomBBoxTransform",
        shift_factor=0.05,
        shift_prob=1.0,
        scale_factor=(0.75, 1.25),
        scale_prob=1.0,
        rotate_factor=30,
        rotate_prob=1.0,
    ),
    dict(type="TopdownAffine", input_size=codec["input_size"]),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]

train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(type="SoftNMSCocoDataset", soft_nms=dict()))
test_dataloader = val_dataloader
