"""LSPET in MPII's format at 256x256 with heatmaps of half the input; as `mpii_stride2_256x256.py`.

Files as in `lspet_mpii_256x256.py`.
"""

_base_ = ["mpii_stride2_256x256.py"]

data_root = "{{$MMPOSE_EXT_DATA:data}}/lspet/"

train_dataloader = dict(dataset=dict(data_root=data_root, ann_file="annotations/lspet_mpii_train.json"))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file="annotations/lspet_mpii_val.json",
        headbox_file=data_root + "annotations/lspet_mpii_gt_val.mat",
    )
)
test_dataloader = val_dataloader
