"""X-HRNet-18 on LSPET and LSP at 128x96, tested on LSP: the recipe of the package's weights, twice as long."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_60e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/lsp_128x96.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(out_channels=14, decoder=_base_.codec),
    test_cfg=dict(shift_heatmap=False),
)
train_dataloader = dict(batch_size=32)
