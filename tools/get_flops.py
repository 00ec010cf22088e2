"""``mim run mmpose_ext get_flops CONFIG``: the same as ``mmpose-ext flops CONFIG``."""

import sys

from mmpose_ext.toolbox.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["flops", *sys.argv[1:]]))
