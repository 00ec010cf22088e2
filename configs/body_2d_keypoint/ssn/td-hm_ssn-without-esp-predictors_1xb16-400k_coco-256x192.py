"""All predictors of SSN without early stage predictors in one test (Table 2), for checkpoints of `ssn-without-esp`."""

_base_ = ["td-hm_ssn-without-esp_1xb16-400k_coco-256x192.py"]

model = dict(test_cfg=dict(every_predictor=True))
test_evaluator = [_base_.test_evaluator, dict(type="EachPredictor", metric=_base_.test_evaluator)]
