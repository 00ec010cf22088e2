"""Train a model: MMPose's own training script, with this package imported first.

The arguments are those of MMPose. ``mim train mmpose_ext CONFIG`` runs this file.
"""

from mmpose_ext.toolbox.commands.mmpose_tools import run_mmpose_tool

if __name__ == "__main__":
    run_mmpose_tool("train")
