"""Leeds Sports Poses at 256x192 (HxW) as the literature uses it: training on LSPET and LSP, test on LSP.

Everything is chosen on LSPET val; LSP test (1000 persons) is for reporting. UDP heatmaps with sigma 2: a model on this
data needs `test_cfg=dict(shift_heatmap=False)`. Heads need `out_channels=14`.

Files (in `data/`, or `$MMPOSE_EXT_DATA`; `mmpose-ext convert-lspet` and `convert-lsp` write them from the archives)::

    lspet/annotations/lspet_train_without_lsp_test.json   train less one image that LSP test shows too
    lspet/annotations/lspet_val.json
    lspet/images/00001.jpg ...
    lsp/annotations/lsp_{train,test}.json
    lsp/images/im0001.jpg ...
"""

_base_ = ["lspet_256x192.py"]

codec = dict(type="UDPHeatmap", input_size=(192, 256), heatmap_size=(48, 64), sigma=2)

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", rotate_factor=60, scale_factor=(0.75, 1.25)),
    dict(type="TopdownAffine", input_size=codec["input_size"], use_udp=True),
    dict(type="GenerateTarget", encoder=codec),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=codec["input_size"], use_udp=True),
    dict(type="PackPoseInputs"),
]

data_root = "{{$MMPOSE_EXT_DATA:data}}/"

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="CombinedDataset",
        metainfo=_base_.dataset_info,
        datasets=[
            dict(
                type="CocoDataset",
                data_mode="topdown",
                metainfo=_base_.dataset_info,
                data_root=data_root + "lspet/",
                ann_file="annotations/lspet_train_without_lsp_test.json",
                data_prefix=dict(img="images/"),
            ),
            dict(
                type="CocoDataset",
                data_mode="topdown",
                metainfo=_base_.dataset_info,
                data_root=data_root + "lsp/",
                ann_file="annotations/lsp_train.json",
                data_prefix=dict(img="images/"),
            ),
        ],
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(
    dataset=dict(data_root=data_root + "lsp/", ann_file="annotations/lsp_test.json", pipeline=val_pipeline)
)

# Scores print as `torso/PCK@0.2`, which chooses the best checkpoint, and `PCK@0.2 of the box/PCK`.
val_evaluator = [
    dict(type="TorsoPCK"),
    dict(type="PCKAccuracy", thr=0.2, norm_item="bbox", prefix="PCK@0.2 of the box"),
]
test_evaluator = val_evaluator
