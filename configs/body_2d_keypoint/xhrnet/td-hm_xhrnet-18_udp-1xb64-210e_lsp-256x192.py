"""X-HRNet-18 on LSPET and LSP at 256x192, tested on LSP; not in the paper, for a GPU."""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adamw_cosine_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/lsp_256x192.py",
]

model = dict(
    backbone=dict(input_size=_base_.codec.input_size),
    head=dict(out_channels=14, decoder=_base_.codec),
    test_cfg=dict(shift_heatmap=False),
)
train_dataloader = dict(batch_size=64)
