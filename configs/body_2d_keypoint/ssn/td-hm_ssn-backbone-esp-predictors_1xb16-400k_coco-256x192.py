"""All predictors of `ssn-backbone-esp` in one test (Table 2), for its checkpoints."""

_base_ = ["td-hm_ssn-backbone-esp_1xb16-400k_coco-256x192.py"]

model = dict(test_cfg=dict(every_predictor=True))
test_evaluator = [_base_.test_evaluator, dict(type="EachPredictor", metric=_base_.test_evaluator)]
