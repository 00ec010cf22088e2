"""The one allow-list for configs that come out of a file: plain data, and only registered names to build.

MMEngine imports what no registry knows: built by a registry, ``{"type": "os.system", "command": ...}`` is executed,
and ``{"type": "this"}`` imports a module. The config of a checkpoint and the description in an ONNX file come from
whoever made the file. Here they are data: a value of another type, a name that is not registered, and anything too deep
or too large is a :class:`ValueError` that names the file and the value. A config that the user names is a program and
does not pass through here.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    "INFERENCE_CODECS",
    "INFERENCE_TRANSFORMS",
    "build_codec",
    "build_pipeline",
    "check_config",
    "check_plain",
    "registered_names",
]

INFERENCE_TRANSFORMS: Mapping[str, frozenset[str]] = {
    "LoadImage": frozenset({"color_type", "ignore_empty", "imdecode_backend", "to_float32"}),
    "GetBBoxCenterScale": frozenset({"padding"}),
    "TopdownAffine": frozenset({"input_size", "use_udp"}),
    "PyramidTopdownAffine": frozenset({"input_size", "use_udp", "zooms"}),
    "PackPoseInputs": frozenset({"meta_keys", "pack_transformed"}),
}
"""Transforms that a description may name -> the arguments that it may give. None opens a file or builds a part."""

INFERENCE_CODECS = frozenset(
    {
        *("MSRAHeatmap", "UDPHeatmap", "MegviiHeatmap", "SimCCLabel", "RegressionLabel", "IntegralRegressionLabel"),
        *("BatchedMSRAHeatmap", "BatchedUDPHeatmap", "BlurredMSRAHeatmap", "MultiSigmaHeatmap"),
    }
)
"""Codecs that a description may name: they take numbers, words and sizes, and no parts."""

MAX_DEPTH = 32
MAX_VALUES = 100_000
MAX_TEXT = 10_000
"""Characters of one string."""
MAX_NUMBER = 8192
"""Largest number in a description, which bounds the size of a crop."""
MAX_INTEGER = 2**63 - 1

_IGNORED = ("backend_args", "file_client_args")
"""How a transform would open a file, in many of MMPose's configs; an inference gives it pixels."""
_KEY = re.compile(r"[\w .@/:+-]{1,200}")
_SCOPES = ("mmengine", "mmpose", "mmpose_ext", "mmdet", "mmpretrain")
"""Packages whose registries a name of a config may ask for, as in ``mmdet.CSPNeXt``."""
_PACKAGE = re.compile(r"(mmpose|mmpose_ext|mmdet|mmpretrain)(\.\w+)*")
_RESERVED = re.compile(r"_\w*_")

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value."""


def check_plain(value: Any, *, file: object, number_keys: bool = False, largest: float | None = None) -> None:
    """Refuse whatever is not plain data: None, bool, int, finite float, str, list, tuple, or dict of those.

    Args:
        value: What a file holds.
        file: Its name, for the message.
        number_keys: Whether a dict may have whole numbers as keys, as the metainfo of a data set has.
        largest: Largest number; None for those that 64 bits hold.

    Raises:
        ValueError: With the file, the place and the value.
    """
    for _ in _walk(value, file, number_keys=number_keys, largest=largest):
        pass


def registered_names(*registries: Any) -> frozenset[str]:
    """Names that registries of MMEngine and their parents know.

    Args:
        registries: The registries.
    """
    names: set[str] = set()
    for registry in registries:
        while registry is not None:
            registry.import_from_location()
            names |= registry.module_dict.keys()
            registry = registry.parent
    return frozenset(names)


def check_config(config: Mapping[str, Any], *, file: object) -> None:
    """Refuse a whole config that would import or call anything but registered classes, or that is not plain data.

    What passes is also safe in MMEngine's dump, which does not escape the keys of dicts and fills in ``{{...}}``.

    Args:
        config: Read as data from a checkpoint or a publication, with all bases resolved.
        file: The name of the file.

    Raises:
        ValueError: With the file, the place and the value.
    """
    names = _names_of("mmpose")
    for place, value in _walk(config, file, number_keys=True):
        if isinstance(value, str) and "{{" in value:
            raise _refused(file, place, "text without {{", value)
        if not isinstance(value, dict):
            continue
        for key, inner in value.items():
            here = (*place, key)
            if key == "_scope_" and inner in _SCOPES:
                continue
            if isinstance(key, str) and _RESERVED.fullmatch(key):
                raise _refused(file, here, "a resolved config without keys such as _base_", key)
            if key == "type" and not _is_keypoint(place, inner):
                _check_name(inner, names | _names_of(inner), file, here)
            if key == "custom_imports":
                _check_imports(inner, file, here)


def build_pipeline(steps: Any, *, file: object) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """Build the transforms of a top-down inference from a description.

    Args:
        steps: One dict each, of :data:`INFERENCE_TRANSFORMS`.
        file: The name of the file.

    Returns:
        Applies one transform after the other.

    Raises:
        ValueError: For any other step or argument, with the file.
    """
    from mmengine.dataset import Compose
    from mmpose.registry import TRANSFORMS

    if not isinstance(steps, list | tuple) or not 1 <= len(steps) <= MAX_DEPTH:
        raise _refused(file, ("pipeline",), f"a list of 1 to {MAX_DEPTH} transforms", steps)
    built = []
    for index, step in enumerate(steps):
        place = ("pipeline", index)
        arguments = _arguments(step, INFERENCE_TRANSFORMS, file, place)
        arguments = {key: value for key, value in arguments.items() if key not in _IGNORED}
        for key in arguments.keys() - INFERENCE_TRANSFORMS[step["type"]]:
            raise _refused(file, (*place, key), f"an argument of {step['type']}", arguments[key])
        built.append(_built(TRANSFORMS, step["type"], arguments, file, place))
    return Compose(built)


def build_codec(codec: Any, *, file: object) -> Any:
    """Build a codec from a description.

    Args:
        codec: A dict, of :data:`INFERENCE_CODECS`.
        file: The name of the file.

    Raises:
        ValueError: For any other codec or argument, with the file.
    """
    from mmpose.registry import KEYPOINT_CODECS

    arguments = _arguments(codec, INFERENCE_CODECS, file, ("codec",))
    return _built(KEYPOINT_CODECS, codec["type"], arguments, file, ("codec",))


def _arguments(part: Any, names: Collection[str], file: object, place: Place) -> dict[str, Any]:
    """The arguments of a part that is built: plain data, and nothing inside to build."""
    for inside, value in _walk(part, file, largest=MAX_NUMBER, start=place):
        if isinstance(value, dict):
            for key in value:
                if _RESERVED.fullmatch(key) or (key == "type" and inside != place):
                    raise _refused(file, (*inside, key), "nothing that is built inside", value[key])
    if not isinstance(part, dict):
        raise _refused(file, place, "a dict with `type`", part)
    _check_name(part.get("type"), names, file, (*place, "type"))
    return {key: value for key, value in part.items() if key != "type"}


def _built(registry: Any, name: str, arguments: Mapping[str, Any], file: object, place: Place) -> Any:
    if name not in registered_names(registry):
        raise _refused(file, (*place, "type"), "a registered name", name)
    try:
        return registry.get(name)(**arguments)
    except Exception as error:  # each class has its own way to refuse arguments, assertions among them
        raise ValueError(f"expected arguments of {name} at {_text(place)} of {file}, got {error}") from error


def _check_name(name: Any, names: Collection[str], file: object, place: Place) -> None:
    """Refuse what is no registered name: a dotted path, a module, a class."""
    if not isinstance(name, str) or name not in names:
        few = f" ({', '.join(sorted(names))})" if len(names) <= 12 else ""
        raise _refused(file, place, f"a registered name{few}", name)


def _is_keypoint(place: Place, kind: Any) -> bool:
    """Whether a `type` is that of a keypoint in a metainfo, such as `upper`: a mere word of what nothing builds."""
    inside = len(place) > 1 and place[-2] == "keypoint_info" and isinstance(place[-1], int)
    return inside and isinstance(kind, str) and re.fullmatch(r"\w*", kind) is not None


def _check_imports(value: Any, file: object, place: Place) -> None:
    imports = value.get("imports") if isinstance(value, dict) else value
    for name in [imports] if isinstance(imports, str) else imports or []:
        if not isinstance(name, str) or not _PACKAGE.fullmatch(name):
            raise _refused(file, place, "imports of OpenMMLab and of this package only", name)


def _names_of(name: Any) -> frozenset[str]:
    """All that a package of OpenMMLab has registered, with its name in front where that was asked for.

    Args:
        name: The name of a package, or a name of a class with that of its package in front, as in ``mmdet.CSPNeXt``;
            for any other there are none.
    """
    scope, dot, _ = name.partition(".") if isinstance(name, str) else ("", "", "")
    if scope not in _SCOPES:
        return frozenset()
    from mmengine.registry import Registry

    try:
        module = importlib.import_module(f"{scope}.registry")
    except ImportError:
        return frozenset()
    registries = [value for value in vars(module).values() if isinstance(value, Registry)]
    return frozenset(f"{scope}{dot}{one}" if dot else one for one in registered_names(*registries))


def _walk(
    value: Any, file: object, *, number_keys: bool = False, largest: float | None = None, start: Place = ()
) -> Iterator[tuple[Place, Any]]:
    """All values inside of a value, each after it was checked."""
    waiting: list[tuple[Place, Any]] = [(start, value)]
    number = 0
    while waiting:
        place, one = waiting.pop()
        number += 1
        if number > MAX_VALUES:
            raise ValueError(f"expected at most {MAX_VALUES} values in {file}, got more")
        if len(place) > MAX_DEPTH:
            raise ValueError(f"expected at most {MAX_DEPTH} levels in {file}, got more at {_text(place[:4])}")
        _check_one(one, file, place, number_keys=number_keys, largest=largest)
        yield place, one
        if type(one) is dict:
            waiting += [((*place, key), inner) for key, inner in one.items()]
        elif type(one) in (list, tuple):
            waiting += [((*place, index), inner) for index, inner in enumerate(one)]


def _check_one(one: Any, file: object, place: Place, *, number_keys: bool, largest: float | None) -> None:
    kind = type(one)  # exactly: a subclass may do anything
    if kind is dict:
        for key in one:
            if not ((type(key) is str and _KEY.fullmatch(key)) or (type(key) is int and number_keys)):
                raise _refused(file, place, "plain words as keys", key)
    elif kind is str and len(one) > MAX_TEXT:
        raise _refused(file, place, f"at most {MAX_TEXT} characters", one)
    elif kind is int and abs(one) > (MAX_INTEGER if largest is None else largest):
        raise _refused(file, place, f"a number up to {MAX_INTEGER if largest is None else largest}", "a larger one")
    elif kind is float and not (math.isfinite(one) and (largest is None or abs(one) <= largest)):
        raise _refused(file, place, f"a finite number{'' if largest is None else f' up to {largest}'}", one)
    elif kind not in (type(None), bool, int, float, str, list, tuple):
        raise _refused(file, place, "plain data", one)


def _refused(file: object, place: Sequence[str | int], expected: str, value: Any) -> ValueError:
    return ValueError(f"expected {expected} at {_text(place)} of {file}, got {_short(value)}")


def _short(value: Any) -> str:
    """A value in at most 80 characters; one that may do something when it is printed only by its type."""
    if isinstance(value, int) and abs(value) > MAX_INTEGER:  # Python refuses to print one of 5000 digits
        return "a huge number"
    if type(value) in (type(None), bool, int, float, str):
        text = repr(value[:200] if isinstance(value, str) else value)
        return text if len(text) <= 80 else f"{text[:77]}..."
    return f"a {type(value).__name__}"


def _text(place: Sequence[str | int]) -> str:
    """E.g. pipeline[2].input_size."""
    parts = [f"[{one}]" if isinstance(one, int) else f".{one}"[:40] for one in place]
    return "".join(parts).removeprefix(".") or "the top"
