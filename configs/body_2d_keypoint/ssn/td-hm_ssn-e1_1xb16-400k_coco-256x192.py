"""SSN, with keypoints from the early stage predictor E1 at test time (Table 2)."""

_base_ = ["td-hm_ssn_1xb16-400k_coco-256x192.py"]

model = dict(test_cfg=dict(predictor="E1"))
