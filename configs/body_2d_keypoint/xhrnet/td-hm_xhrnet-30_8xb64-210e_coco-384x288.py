"""X-HRNet-30 on COCO at 384x288 (Table 2).

The config of this name in the official code builds the 18; the table needs (3, 8, 3) modules, which is the 30.
"""

_base_ = [
    "../../_base_/default_runtime.py",
    "../../_base_/schedules/adam_210e.py",
    "../../_base_/models/xhrnet.py",
    "../../_base_/datasets/coco_384x288.py",
]

model = dict(backbone=dict(arch="30", input_size=_base_.codec.input_size), head=dict(decoder=_base_.codec))
