"""Measure what the main process of a test does beside the network: `python tools/bench_main_process.py [IMAGES]`."""

import sys

import cv2
import torch

import mmpose_ext
from mmpose_ext.toolbox.benchmark.main_process import CODECS, measure_metric, measure_steps

if __name__ == "__main__":
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    lines = [f"mmpose-ext {mmpose_ext.__version__}, torch {torch.__version__}, 1 thread"]
    lines += [f"{name}: {measure_steps(name)}" for name in CODECS]
    lines.append(f"metric: {measure_metric(images=int(sys.argv[1]) if len(sys.argv) > 1 else 5000)}")
    sys.stdout.write("\n".join(lines) + "\n")
