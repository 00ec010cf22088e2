"""Files that would run code, remove a file or exhaust a reader: made here, none of them lies in the repository.

Each payload calls ``pathlib.Path(MARKER).touch()`` in one way or another, so that a marker tells whether it ran.
"""

from __future__ import annotations

import copy
import functools
import io
import json
import os
import pickle
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

__all__ = [
    "ANNOTATIONS",
    "ARCHIVES",
    "DESCRIPTIONS",
    "GRAPHS",
    "PICKLES",
    "PROGRAMS",
    "SAFETENSORS",
    "Call",
    "blobs",
    "code",
]


class Call:
    """An object whose pickle is a call.

    Args:
        function: What is called.
        arguments: With what.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def code(marker: Path) -> str:
    """An expression that makes the marker."""
    return f"__import__('pathlib').Path({str(marker)!r}).touch()"


def _saved(content: Any, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def _weights() -> dict[str, torch.Tensor]:
    return {"backbone.conv.weight": torch.zeros(2, 2)}


def _dotted(marker: Path) -> bytes:
    """`builtins.getattr` as a way to every function: `getattr(import_module("os"), "system")("touch MARKER")`."""
    program = (
        "cbuiltins\ngetattr\n(cimportlib\nimport_module\n(S'os'\ntRS'system'\ntR"  # MMEngine's log names getattr, too
        f"(S'touch {marker}'\ntR."
    )
    return program.encode()


def _torchscript(marker: Path) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), buffer)
    return buffer.getvalue()


def _tar(marker: Path) -> bytes:
    """The form of torch 0.1, whose parts are pickles."""
    buffer = io.BytesIO()
    part = pickle.dumps(Call(eval, code(marker)), protocol=2)
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            info = tarfile.TarInfo(name)
            info.size = len(part)
            archive.addfile(info, io.BytesIO(part))
    return buffer.getvalue()


def _swapped(marker: Path) -> bytes:
    """A good archive of torch whose `data.pkl` was replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_saved({"state_dict": _weights()}))) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = pickle.dumps(Call(eval, code(marker)), 2) if name.endswith("data.pkl") else old.read(name)
            new.writestr(name, content)
    return buffer.getvalue()


def _array(marker: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Call(eval, code(marker))], dtype=object), allow_pickle=True)
    return buffer.getvalue()


Maker = Callable[[Path], bytes]

PICKLES: Mapping[str, Maker] = {
    "plain pickle": lambda marker: pickle.dumps(Call(eval, code(marker))),
    "os.system": lambda marker: _saved(Call(os.system, f"touch {marker}")),
    "in the weights": lambda marker: _saved({"state_dict": {**_weights(), "x": Call(eval, code(marker))}}),
    "in meta": lambda marker: _saved({"state_dict": _weights(), "meta": {"cfg": Call(eval, code(marker))}}),
    "in the optimizer": lambda marker: _saved({"state_dict": _weights(), "optimizer": [Call(exec, code(marker))]}),
    "as a key": lambda marker: _saved({"state_dict": _weights(), "meta": {(Call(eval, code(marker)), 1): 1}}),
    "partial": lambda marker: _saved({"state_dict": _weights(), "x": Call(functools.partial(eval, code(marker)))}),
    "getattr": _dotted,
    "legacy file": lambda marker: _saved(
        {"state_dict": _weights(), "meta": Call(os.system, f"touch {marker}")}, legacy=True
    ),
    "replaced data.pkl": _swapped,
    "tar of torch 0.1": _tar,
    "TorchScript": _torchscript,
    "array of objects": _array,
    "cut off": lambda marker: _saved({"state_dict": {"x": torch.zeros(1000)}})[:2000],
    "empty": lambda marker: b"",
    "text": lambda marker: code(marker).encode(),
    "a list": lambda marker: _saved([1, 2]),
    "no tensors": lambda marker: _saved({"state_dict": {"x": "y"}, "meta": {}}),
    "YAML": lambda marker: f"!!python/object/apply:os.system ['touch {marker}']\n".encode(),
}
"""What a checkpoint may be."""


def _safetensors(header: bytes, *, length: int | None = None, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def _header(meta: Mapping[str, str], **entry: Any) -> bytes:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **entry}
    return _safetensors(json.dumps({"__metadata__": meta, "x": tensor}).encode(), body=b"\0" * 4)


SAFETENSORS: Mapping[str, Maker] = {
    "a pickle by that name": PICKLES["plain pickle"],
    "a zip of torch by that name": PICKLES["in meta"],
    "length of the header": lambda marker: _safetensors(b"{}", length=2**62),
    "no JSON": lambda marker: _safetensors(code(marker).encode()),
    "deep JSON": lambda marker: _safetensors(b'{"__metadata__": ' + b"[" * 100_000),
    "offsets outside": lambda marker: _header({}, data_offsets=[0, 2**40]),
    "huge shape": lambda marker: _header({}, shape=[2**40, 2**40]),
    "array of objects": lambda marker: _header({"json": "a", "a": '{"__array__": ["x"], "dtype": "O"}'}),
    "deep values": lambda marker: _header({"json": "a", "a": "[" * 50_000 + "]" * 50_000}),
    "unhashable key": lambda marker: _header({"json": "a", "a": '{"__items__": [[[], 1]]}'}),
    "code in the config": lambda marker: _header({"cfg": f"model = {code(marker)}", "config": code(marker)}),
    "missing value": lambda marker: _header({"json": "b module_versions", "module_versions": "[1]"}),
}

KEY = "a': __import__('pathlib').Path('TARGET').touch(), 'b"
CODE = "__import__('pathlib').Path('TARGET').touch()"
PROGRAMS: Mapping[str, str] = {
    "a key that ends its quotes": f"model['test_cfg'] = dict(**{{{KEY!r}: 1}})",
    "a key in another part": f"extra = dict(inner=[dict(**{{{KEY!r}: 1}})])",
    "a template of the environment": f"""extra = {"{{$NOBODY:x" + "'}}' + " + CODE + " + '" + '"'!r}""",
    "a template of the file": "extra = 'x{{ fileDirname }}y'",
    "a template in a key": "extra = {'{{ fileDirname }}': 1}",
    "a function as part of the model": "model['neck'] = dict(type='pathlib.Path.touch', self='TARGET')",
    "a function as a hook": "custom_hooks = [dict(type='os.system', command='touch TARGET')]",
    "a function in the pipeline": "test_dataloader['dataset']['pipeline'] = [dict(type='os.system', command='x')]",
    "a module as a type": "model['neck'] = dict(type='antigravity')",
    "a module as a hook": "custom_hooks = [dict(type='antigravity')]",
    "a scope": "default_scope = 'antigravity'",
    "a scope of one part": "model['neck'] = dict(type='FPN', _scope_='antigravity')",
    "an import": "custom_imports = dict(imports=['antigravity'])",
    "a base": "_base_ = ['TARGET.py']",
}
"""What -> a line behind the config of a checkpoint; it must create no file TARGET."""


def program(config: Mapping[str, Any], line: str) -> str:
    """The text of a config with one line more, as literals: what MMEngine writes into a checkpoint.

    Args:
        config: The resolved config.
        line: Of :data:`PROGRAMS`, with the marker in place of TARGET.
    """
    changed = copy.deepcopy(dict(config))
    exec(line, {}, changed)  # the line itself holds only values
    return "".join(f"{key} = {value!r}\n" for key, value in changed.items())


DESCRIPTIONS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "a function as codec": lambda marker: {"codec": {"type": "os.system", "command": f"touch {marker}"}},
    "eval as codec": lambda marker: {
        "codec": {"type": "builtins.eval", "source": code(marker), "input_size": [64, 64]}
    },
    "a function as step": lambda marker: {"pipeline": [{"type": "os.system", "command": f"touch {marker}"}]},
    "a function inside a step": lambda marker: {
        "pipeline": [{"type": "LoadImage", "backend_args": {"type": "os.system", "command": f"touch {marker}"}}]
    },
    "a step that opens a file": lambda marker: {"pipeline": [{"type": "LoadAnnotations", "with_mask": True}]},
    "a module as step": lambda marker: {"pipeline": [{"type": "antigravity"}]},
    "code as type": lambda marker: {"pipeline": [{"type": code(marker)}]},
    "a scope": lambda marker: {"codec": {"type": "MSRAHeatmap", "_scope_": "antigravity", "input_size": [64, 64]}},
    "a huge crop": lambda marker: {
        "pipeline": [{"type": "TopdownAffine", "input_size": [10**6, 10**6]}, {"type": "PackPoseInputs"}]
    },
    "no dict": lambda marker: {"codec": code(marker), "pipeline": code(marker), "meta": code(marker)},
    "NaN": lambda marker: {"mean": [float("nan")] * 3},
    "deep": lambda marker: {"meta": functools.reduce(lambda inner, _: [inner], range(500), [])},
}
"""Parts of the description in an ONNX file."""

ENTITIES = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x" * 100}">' for i in range(10))


def _net(doctype: str, content: str) -> str:
    return f"<?xml version='1.0'?>{doctype}<net name='n' version='11'>{content}</net>"


GRAPHS: Mapping[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut off": lambda text: text[: len(text) // 2],
    "text": lambda text: code(Path("executed")),
    "deep": lambda text: "<net>" * 100_000,
    "billion laughs": lambda text: _net(f"<!DOCTYPE net [{ENTITIES}]>", "&e9;"),
    "an entity of another file": lambda text: _net("<!DOCTYPE net [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "&e;"),
    "no layers": lambda text: _net("", "<layers/><edges/>"),
    "an unknown operator": lambda text: text.replace('type="Convolution"', 'type="os.system"'),
    "weights outside of the file": lambda text: re.sub('offset="\\d+"', f'offset="{2**40}"', text),
    "huge weights": lambda text: re.sub('size="\\d+"', f'size="{2**62}"', text),
    "negative sizes": lambda text: re.sub("<dim>\\d+</dim>", "<dim>-7</dim>", text),
    "an edge to nowhere": lambda text: text.replace('to-layer="', 'to-layer="9'),
    "a circle": lambda text: re.sub('from-layer="\\d+" from-port="\\d+"', 'from-layer="5" from-port="1"', text),
    "strides of zero": lambda text: re.sub('strides="[^"]*"', 'strides="0, 0"', text),
}
"""What OpenVINO's graph may be, made of a good one."""


def blobs(good: bytes) -> dict[str, bytes | None]:
    """What may lie beside such a graph in place of its weights; None is no file."""
    return {"none": None, "empty": b"", "half": good[: len(good) // 2], "a pickle": pickle.dumps(Call(eval, "1 / 0"))}


ANNOTATIONS: Mapping[str, Maker] = {
    "a pickle": PICKLES["plain pickle"],
    "a pickle of torch": PICKLES["os.system"],
    "code": lambda marker: code(marker).encode(),
    "YAML": PICKLES["YAML"],
    "YAML of an object": lambda marker: f"!!python/object/new:os.system ['touch {marker}']\n".encode(),
    "a function by name": lambda marker: json.dumps({"type": "os.system", "command": f"touch {marker}"}).encode(),
    "functions in each place": lambda marker: json.dumps(
        {
            name: [{"type": "os.system", "command": f"touch {marker}", "id": 1, "file_name": code(marker)}]
            for name in ("images", "annotations", "categories")
        }
    ).encode(),
    "a class of jsonpickle": lambda marker: json.dumps(
        {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [f"touch {marker}"]}], "__class__": "os.system"}
    ).encode(),
    "deep": lambda marker: b"[" * 100_000 + b"]" * 100_000,
    "a number of 5000 digits": lambda marker: b'{"images": ' + b"9" * 5000 + b"}",
    "not UTF-8": lambda marker: b"\xff\xfe{}",
    "empty": lambda marker: b"",
    "zero bytes": lambda marker: b"\0" * 1000,
}
"""What a JSON file may be."""


def _zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _joints() -> bytes:
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {"joints": np.ones((14, 3, 2))})
    return buffer.getvalue()


ARCHIVES: Mapping[str, Maker] = {
    "a pickle as joints.mat": lambda marker: _zip({"joints.mat": pickle.dumps(Call(eval, code(marker)))}),
    "an array of objects as joints.mat": lambda marker: _zip({"joints.mat": _array(marker)}),
    "names that lead elsewhere": lambda marker: _zip(
        {"../../joints.mat": _joints(), f"../../../../..{marker}": b"x", "im00001.jpg": b"x", "im0001.jpg": b"x"}
    ),
    "no images": lambda marker: _zip({"joints.mat": _joints()}),
    "cut off": lambda marker: _zip({"joints.mat": _joints()})[:-30],
    "a pickle": PICKLES["plain pickle"],
    "a zip of torch": PICKLES["in meta"],
    "empty": lambda marker: b"",
}
"""What an archive of Leeds Sports Poses may be."""
