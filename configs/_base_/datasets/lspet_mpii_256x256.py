"""Leeds Sports Pose Extended in MPII's format (16 joints, two never labeled) at 256x256, sigma 2.

Files (`data/lspet/`, or `$MMPOSE_EXT_DATA/lspet/`; `mmpose-ext convert-lspet` writes them from the archive)::

    annotations/lspet_mpii_{train,val}.json  annotations/lspet_mpii_gt_val.mat
    images/00001.jpg ...

Heads need `out_channels=16`. The scores cannot be compared with published ones of MPII.
"""

_base_ = ["mpii_256x256.py"]

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
