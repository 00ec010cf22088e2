"""3Block+3FSM, K=256, on LSPET at 128x96, without the correlation attention."""

_base_ = ["td-hm_ssn-3block-k256_1xb32-6e_lspet-128x96.py"]

model = dict(backbone=dict(attention=None))
