"""`default_runtime.py` with faster validations and tests of the same results; see docs/evaluation.md.

A leaf names it in the place of `default_runtime.py`. Without a new config, for any of them:
`--cfg-options default_hooks.fast_evaluation.type=FastEvaluationHook`.
"""

_base_ = ["default_runtime.py"]

default_hooks = dict(fast_evaluation=dict(type="FastEvaluationHook"))
