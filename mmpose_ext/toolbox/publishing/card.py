"""The model card of a published checkpoint, in Markdown with the head that model hubs read.

Every figure in it comes from the weights, the config, the log or a test. What is not known says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mmpose_ext.toolbox.catalogue.markdown import markdown_table
from mmpose_ext.toolbox.catalogue.metafile import NOT_MEASURED, paper_name

__all__ = ["INTENDED_USE", "LIMITS", "model_card", "usage"]

INTENDED_USE = (
    "Finding the keypoints of one person in an image, or in a box around one person that a detector has found. "
    "For research, and as a start for training on your own data (`mmpose-ext init-dataset`)."
)
LIMITS = (
    "The network sees one box and always returns a pose: without a person in the box the keypoints mean nothing, "
    "and with two persons it mixes them or takes one. Its scores are not probabilities. Accuracy holds for the data "
    "that it was trained and tested on; other clothes, poses, cameras and groups of people were not tested. Do not "
    "use it to decide anything about a person. It does not recognize people, but keypoints can reveal what somebody "
    "does: get their consent."
)
_NOTHING = "not stated"


def usage(config: str, weights: str) -> str:
    """How to run a checkpoint, as a block of commands.

    Args:
        config: Path or alias of the config.
        weights: Path of the weights.
    """
    return "\n".join(
        [
            "```bash",
            f"mmpose-ext infer photos/ --model {config} --checkpoint {weights}",
            f"mim test mmpose {config if config.endswith('.py') else 'CONFIG'} --checkpoint {weights}",
            f"mmpose-ext export {config} {weights} model.onnx",
            "```",
        ]
    )


def model_card(info: Mapping[str, Any]) -> str:
    """Write the card.

    Args:
        info: What ``<name>.json`` holds, see :mod:`.publication`.
    """
    collection = info["collection"] or {}
    sections = {
        f"# {info['alias'] or info['name']}": _what(info, collection),
        "## Paper": _paper(collection),
        "## Size": _size(info),
        "## How to use it": _how(info),
        "## Measured": _measured(info["results"]),
        "## Training data": _training(info),
        "## Intended use": INTENDED_USE,
        "## Limits": LIMITS,
        "## License": _license(info),
        "## Files": _files(info),
    }
    body = "\n\n".join(f"{title}\n\n{text}" for title, text in sections.items())
    return f"{_head(info, collection)}\n{body}\n"


def _head(info: Mapping[str, Any], collection: Mapping[str, Any]) -> str:
    tags = ["human-pose-estimation", "mmpose", *([collection["Name"].lower()] if collection else [])]
    lines = ["library_name: mmpose", "pipeline_tag: keypoint-detection", f"tags: {json.dumps(tags)}"]
    lines += [f"license: {info['license'].lower()}"] if info["license"] else []
    return "\n".join(["---", *lines, "---", ""])


def _what(info: Mapping[str, Any], collection: Mapping[str, Any]) -> str:
    network = f", from its configs for {paper_name(collection)}" if collection else ""
    weights = {"ema": "moving average of the weights (EMA)", "plain": "weights as trained"}[info["weights"]]
    state = [f"{key} {info[key]}" for key in ("epoch", "iter") if info[key] is not None]
    shape = f"input {'x'.join(map(str, info['input']))} (height x width)" if info["input"] else "input size not known"
    return (
        f"A 2D human pose estimator for MMPose with mmpose-ext {info['package_version']}{network}: {shape}, "
        f"{len(info['keypoints']) or 'unknown'} keypoints. Config `{info['config']}`, {weights}"
        f"{', after ' + ', '.join(state).replace('iter', 'iteration') if state else ''}. Published {info['date']}."
    )


def _paper(collection: Mapping[str, Any]) -> str:
    if not collection:
        return f"{_NOTHING.capitalize()}: this config belongs to no paper of mmpose-ext."
    paper = collection["Paper"]
    text = (
        f"[{paper['Title']}]({paper['URL']}). This is a checkpoint of an independent implementation, not the authors'."
    )
    citation = collection.get("Citation")
    return f"{text}\n\n```bibtex\n{citation.strip()}\n```" if citation else text


def _size(info: Mapping[str, Any]) -> str:
    rows = [["parameters", f"{info['parameters']:,}"]]
    for rule, operations in info["operations"].items():
        rows.append([f"operations, rule `{rule}`", f"{operations['number']:,} ({operations['text']})"])
    if not info["operations"]:
        rows.append(["operations", "not counted: the input size is not known"])
    table = markdown_table(["", "counted"], rows)
    form = "It has a faster deployed form, which" if info["deployed_form"] else "Its norms can be folded, which"
    return (
        f"{table}\n\nThe weights are those of the training form. {form} `mmpose-ext infer`, `export` and `bench` make "
        "after loading (`mmpose_ext.layers.switch_to_deploy`), with the same outputs; that form is not stored, as it "
        "fits no config."
    )


def _how(info: Mapping[str, Any]) -> str:
    config, weights = f"{info['name']}.py", next(iter(info["files"]))
    return (
        "In this folder, with mmpose-ext installed:\n\n" + usage(config, weights) + "\n\n"
        "`mim test` needs the data of the config (`--cfg-options data_root=...`). In a config of your own: "
        f"`load_from = '{weights}'`. In Python:\n\n"
        "```python\nimport mmpose_ext\nfrom mmpose.apis import MMPoseInferencer\n\n"
        f'inferencer = MMPoseInferencer(pose2d="{config}", pose2d_weights="{weights}", det_model="whole_image")\n```'
    )


def _measured(results: Sequence[Mapping[str, Any]]) -> str:
    if not results:
        return f"{NOT_MEASURED.capitalize()}."
    parts = []
    for result in results:
        rows = [[name, str(value)] for name, value in result["Metrics"].items()]
        about = "; ".join(
            [
                f"Data set: {result['Dataset']}",
                f"hardware: {result['Hardware']}",
                f"command: `{result['Command']}`",
                *([f"date: {result['Date']}"] if "Date" in result else []),
            ]
        )
        parts.append(f"{about}.\n\n{markdown_table(['metric', 'value'], rows)}")
    return "\n\n".join(parts)


def _training(info: Mapping[str, Any]) -> str:
    files = "\n".join(f"- {name}" for name in info["training_data"]) or f"- {_NOTHING}"
    return f"{files}\n\nData sets have their own terms, and photographs their owners; see the data sets' pages."


def _license(info: Mapping[str, Any]) -> str:
    return f"Weights: {info['license'] or _NOTHING}. Code of mmpose-ext: Apache-2.0."


def _files(info: Mapping[str, Any]) -> str:
    rows = [
        [f"`{name}`", f"{file['bytes'] / 1e6:.2f} MB", f"`{file['sha256']}`"] for name, file in info["files"].items()
    ]
    source = info["source"]
    return (
        f"{markdown_table(['file', 'size', 'sha256'], rows)}\n\nMade from `{source['file']}`, sha256 "
        f"`{source['sha256']}`, by `mmpose-ext publish`; optimizer, schedules and log are left out."
    )
