"""X-HRNet-18 with the usual start of convolutions in place of the official one, whose deviation is 0.001."""

_base_ = "xhrnet.py"

model = dict(
    backbone=dict(init_cfg=[dict(type="Kaiming", layer="Conv2d"), dict(type="Constant", val=1, layer="BatchNorm2d")])
)
