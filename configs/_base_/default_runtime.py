"""The runtime of every config: the only ``custom_imports``, hooks, visualizer, environment."""

custom_imports = dict(imports=["mmpose_ext"], allow_failed_imports=False)
default_scope = "mmpose"

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2, save_best="auto", rule="greater"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    epoch_seed=dict(type="EpochSeedHook"),
    visualization=dict(type="PoseVisualizationHook", enable=False),
    badcase=dict(type="BadCaseAnalysisHook", enable=False, out_dir="badcase", metric_type="loss", badcase_thr=5),
)
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="SingleThreadBlasHook"), dict(type="RunReportHook")]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)

vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(type="PoseLocalVisualizer", vis_backends=vis_backends, name="visualizer")

log_processor = dict(type="ShortConsoleLogProcessor", window_size=50, by_epoch=True, num_digits=6)
log_level = "INFO"
randomness = dict(seed=0)  # another one: --cfg-options randomness.seed=1
load_from = None
resume = False
backend_args = dict(backend="local")
