"""The SSN head: one predictor for each map, a loss on all of them, keypoints from any.

Spatial Shortcut Network for Human Pose Estimation (SSN), section 3.3, Tables 1 and 2; supplement 3.

Deviations:
    - The paper states no loss. That of the authors' development code is the sum over the predictors of the root of the
      mean squared error, with targets that are the wider the deeper the map of the predictor.
    - The batch norm at the end of the light networks starts with a scale of 0.1, about that of heatmaps. With 1 its
      first thousand iterations go into becoming small.
    - See also :mod:`.predictor`.

Shapes: B batch, C channels, M keypoints, L widths of the targets, H W height and width of a heatmap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, Features, OptConfigType, OptSampleList, Predictions
from torch import Tensor, nn

from mmpose_ext.heads import HeatmapHeadBase, pose_accuracy, stack_supervision
from mmpose_ext.layers.sizes import check_maps
from mmpose_ext.models.ssn.predictor import Predictor, Tail

LEVELS = {"E1": 0, "E2": 1, "E3": 2, "P1": 3, "P2": 2, "P3": 1, "P4": 0}
"""Predictor -> width of its target, 0 for the narrowest: that of the resolution of its map."""


def root_mean_squared_error(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Root of the mean over all samples, keypoints and pixels; keypoints without a label count as right.

    Args:
        predicted: (B, M, H, W).
        target: (B, M, H, W).
        weights: (B, M), 0 for keypoints without a label.
    """
    error = (predicted - target).square() * weights[:, :, None, None]
    return error.mean().clamp_min(1e-12).sqrt()  # the root of 0 has no derivative


def _in_image(keypoints: Any, metainfo: Mapping[str, Any]) -> Any:
    """Keypoints (1, M, 2) in pixels of the input -> in pixels of the image, as ``TopdownPoseEstimator`` has them."""
    scale = metainfo["input_scale"]
    return keypoints / metainfo["input_size"] * scale + metainfo["input_center"] - 0.5 * scale


@MODELS.register_module()
class SSNHead(HeatmapHeadBase):
    """Early stage predictors E1 to E3 and the predictors P1 to P4 of the upward half.

    ``test_cfg.predictor`` chooses the one that keypoints are taken from, ``'P4'`` by default. With
    ``test_cfg.every_predictor`` a prediction also has ``keypoints_NAME`` and ``keypoint_scores_NAME`` of each, for
    :class:`~mmpose_ext.evaluation.EachPredictor` (Table 2).

    Args:
        in_channels: C.
        out_channels: M.
        predictors: Names of the predictors, in the order of the maps; see :data:`LEVELS`.
        tail: See :class:`.Predictor`.
        norm_cfg: Config of the normalization, group norm by default.
        decoder: Config of the codec.
        init_cfg: Config of the initialization.

    Raises:
        ValueError: If a name is unknown, here or in ``test_cfg``, or if the maps are not one for each predictor.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        predictors: Sequence[str] = tuple(LEVELS),
        tail: Tail = "depthwise",
        norm_cfg: dict | None = None,
        decoder: OptConfigType = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            decoder,
            init_cfg
            or [
                dict(type="Kaiming", layer="Conv2d"),
                dict(type="Normal", layer="HeatmapConv", std=0.01),
                dict(type="Constant", layer="BatchNorm2d", val=0.1),
            ],
        )
        unknown = [name for name in predictors if name not in LEVELS]
        if unknown or not predictors or len(set(predictors)) != len(predictors):
            raise ValueError(f"expected different predictors among {', '.join(LEVELS)}, got {', '.join(predictors)}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        norm_cfg = norm_cfg or dict(type="GN", num_groups=32)
        self.predictors = nn.ModuleDict(
            {name: Predictor(in_channels, out_channels, tail=tail, norm_cfg=norm_cfg) for name in predictors}
        )

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Heatmaps (B, M, H, W) of all predictors, in the size of the last map.

        Args:
            feats: One map for each predictor; the last has the size of the heatmaps.
        """
        self._check_maps(feats)
        size = feats[-1].shape[2:]
        return tuple(predictor(x, size) for predictor, x in zip(self.predictors.values(), feats, strict=True))

    def heatmaps_of(self, name: str, feats: Sequence[Tensor]) -> Tensor:
        """Heatmaps (B, M, H, W) of one predictor.

        Args:
            name: Of the predictor.
            feats: As in :meth:`forward`.
        """
        self._check_maps(feats)
        if name not in self.predictors:
            raise ValueError(f"expected test_cfg.predictor among {', '.join(self.predictors)}, got {name!r}")
        return self.predictors[name](feats[list(self.predictors).index(name)], feats[-1].shape[2:])

    def final_heatmaps(self, feats: Sequence[Tensor], test_cfg: ConfigType) -> Tensor:
        """Heatmaps (B, M, H, W) of the predictor that ``test_cfg.predictor`` names, by default of the last."""
        return self.heatmaps_of(test_cfg.get("predictor", list(self.predictors)[-1]), feats)

    def predict(self, feats: Features, batch_data_samples: OptSampleList, test_cfg: ConfigType) -> Predictions:
        """Predict keypoints, with ``test_cfg.every_predictor`` also those of each predictor, in pixels of the image.

        Args:
            feats: As in :meth:`.HeatmapHeadBase.predict`.
            batch_data_samples: Their samples.
            test_cfg: ``predictor`` and ``every_predictor`` beside those of :meth:`.HeatmapHeadBase.predict`.
        """
        predictions = super().predict(feats, batch_data_samples, test_cfg)
        if not test_cfg.get("every_predictor", False):
            return predictions
        instances = predictions[0] if isinstance(predictions, tuple) else predictions
        for name in self.predictors:
            options = {**test_cfg, "predictor": name, "output_heatmaps": False}
            for own, found, sample in zip(
                instances, super().predict(feats, batch_data_samples, options), batch_data_samples, strict=True
            ):
                own.set_field(_in_image(found.keypoints, sample.metainfo), f"keypoints_{name}")
                own.set_field(found.keypoint_scores, f"keypoint_scores_{name}")
        return predictions

    def loss(self, feats: Sequence[Tensor], batch_data_samples: OptSampleList, train_cfg: ConfigType) -> dict:
        """One term for each predictor, and the accuracy of the last.

        Args:
            feats: Maps.
            batch_data_samples: Samples with keypoint weights and targets (L M, H, W) of L widths, the narrowest first.
                With one width it serves all predictors.
            train_cfg: ``compute_acc``.
        """
        targets, weights = stack_supervision(batch_data_samples)
        levels = self._split(targets)
        heatmaps = dict(zip(self.predictors, self.forward(feats), strict=True))
        losses = {
            f"loss_{name}": root_mean_squared_error(predicted, levels[min(LEVELS[name], len(levels) - 1)], weights)
            for name, predicted in heatmaps.items()
        }
        if train_cfg.get("compute_acc", True):
            losses["acc_pose"] = pose_accuracy(list(heatmaps.values())[-1], levels[0], weights)
        return losses

    def _check_maps(self, feats: Sequence[Tensor]) -> None:
        reader = f"SSNHead with the predictors {', '.join(self.predictors)}"
        check_maps(reader, feats, [self.in_channels] * len(self.predictors))

    def _split(self, targets: Tensor) -> tuple[Tensor, ...]:
        """Targets by width, (B, L M, H, W) -> L times (B, M, H, W)."""
        needed = 1 + max(LEVELS[name] for name in self.predictors)
        number, rest = divmod(targets.shape[1], self.out_channels)
        if rest or (number != 1 and number < needed):
            raise ValueError(
                f"expected targets of one width or of {needed} for {self.out_channels} keypoints, got "
                f"{targets.shape[1]} heatmaps; see MultiSigmaHeatmap"
            )
        return targets.split(self.out_channels, dim=1)
