"""pycocotools stands in for the compiled part of xtcocotools where that does not load."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pycocotools._mask
import pytest

from mmpose_ext.compat import xtcocotools_mask


def test_it_stands_in_on_a_failing_import(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: ModuleType) -> None:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setitem(sys.modules, "xtcocotools._mask", ModuleType("xtcocotools._mask"))
    xtcocotools_mask._run(fail, sys.modules["xtcocotools._mask"])
    assert sys.modules["xtcocotools._mask"] is pycocotools._mask


def test_it_leaves_a_working_module_alone() -> None:
    module = ModuleType("a_module_of_this_test")
    xtcocotools_mask._run(lambda module: setattr(module, "executed", True), module)
    assert module.executed
    assert module.__name__ not in sys.modules


def test_the_original_error_is_raised_without_pycocotools(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(module: ModuleType) -> None:
        raise ValueError("numpy.dtype size changed")

    monkeypatch.setitem(sys.modules, "pycocotools._mask", None)  # an import of it fails now
    with pytest.raises(ValueError, match="size changed"):
        xtcocotools_mask._run(fail, ModuleType("xtcocotools._mask"))


def test_the_two_agree() -> None:
    import xtcocotools._mask

    masks = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (9, 7, 3)), dtype=np.uint8)
    theirs, ours = xtcocotools._mask, pycocotools._mask
    assert theirs.encode(masks) == ours.encode(masks)
    encoded = ours.encode(masks)
    np.testing.assert_array_equal(theirs.decode(encoded), masks)
    np.testing.assert_array_equal(theirs.area(encoded), ours.area(encoded))
    np.testing.assert_array_equal(theirs.toBbox(encoded), ours.toBbox(encoded))
    np.testing.assert_array_equal(theirs.iou(encoded, encoded, [0] * 3), ours.iou(encoded, encoded, [0] * 3))
    assert theirs.merge(encoded) == ours.merge(encoded)
    polygons = [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0]]
    assert theirs.frPyObjects(polygons, 9, 7) == ours.frPyObjects(polygons, 9, 7)
