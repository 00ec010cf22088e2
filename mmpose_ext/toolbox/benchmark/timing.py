"""Latency and throughput of several networks, measured in turns in one process.

A machine's speed drifts by more than what there is to measure. So the candidates take turns: in every round each one
runs once, the order rotates from round to round, and a ratio is taken within each round before the median over
all rounds. Before each timed call there is an untimed one, because the others have emptied the caches.

The forms in which one network can be measured (:data:`MODES`) all start from the same weights, and the output of
each is compared with the eager one.
"""

from __future__ import annotations

import copy
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmpose_ext.layers.deploy import switch_to_deploy
from mmpose_ext.layers.target_runtime import traced_for
from mmpose_ext.toolbox.counting.rules import count
from mmpose_ext.toolbox.devices import AUTO, TIMED, resolve_device
from mmpose_ext.toolbox.export.onnx_file import export_onnx, flatten_output, max_relative_difference
from mmpose_ext.toolbox.inference.onnx_runtime import onnx_session
from mmpose_ext.toolbox.inference.openvino_runtime import OpenVINOSession
from mmpose_ext.toolbox.networks import Candidate

__all__ = [
    "MODES",
    "Entry",
    "Settings",
    "environment",
    "images_for",
    "measure",
    "prepare",
    "quartiles",
    "ratio",
    "timer_for",
]

Forward = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes:
        modes: Keys of :data:`MODES`.
        batches: Batch sizes.
        rounds: How often each candidate has its turn.
        warmup: Untimed calls before the first round.
        threads: Number of threads on the CPU, of PyTorch and of the runtimes.
        device: As in PyTorch; ``auto`` becomes cuda where that is there, else cpu.
        channels_last: Whether images and weights are laid out channels last.
        seed: Seed of the random weights.
    """

    modes: Sequence[str] = ("eager",)
    batches: Sequence[int] = (1, 8)
    rounds: int = 30
    warmup: int = 3
    threads: int = 1
    device: str = AUTO
    channels_last: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [mode for mode in self.modes if mode not in MODES]
        if unknown or not self.modes:
            raise ValueError(f"expected modes among {', '.join(MODES)}, got {', '.join(unknown) or 'none'}")
        for name in ("rounds", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if not self.batches or min(self.batches) < 1:
            raise ValueError(f"expected batch sizes of at least 1, got {list(self.batches)}")
        object.__setattr__(self, "device", resolve_device(self.device, kinds=TIMED))  # the report has to name it


@dataclass
class Entry:
    """One candidate in one form.

    Attributes:
        label: Name of the candidate.
        source: What the user wrote.
        mode: Key of :data:`MODES`.
        shape: Input height and width.
        parameters: Number of parameters of the network as built.
        operations: Rule of counting -> operations for one image.
        max_difference: Largest difference to the eager output, relative to the largest output.
        forward: Images -> output.
        seconds: Batch size -> one time per round.
    """

    label: str
    source: str
    mode: str
    shape: tuple[int, int]
    parameters: int
    operations: dict[str, int]
    max_difference: float
    forward: Forward = field(repr=False)
    seconds: dict[int, list[float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All but the function, for JSON."""
        return {key: value for key, value in vars(self).items() if key != "forward"}


def _frozen(network: nn.Module, images: Tensor, settings: Settings) -> Forward:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.trace(network, images))


def _compiled(network: nn.Module, images: Tensor, settings: Settings) -> Forward:
    limits = torch._dynamo.config
    name = "recompile_limit" if hasattr(limits, "recompile_limit") else "cache_size_limit"
    setattr(limits, name, 256)  # per function, over all candidates and batch sizes; beyond it runs plain eager code
    compiled = torch.compile(network, dynamic=False)
    try:
        with torch.no_grad():
            compiled(images)
    except Exception as error:
        raise ValueError(f"torch.compile does not work here ({type(error).__name__}: {str(error)[:300]})") from error
    return compiled


def _onnx(network: nn.Module, images: Tensor, settings: Settings) -> Forward:
    height, width = images.shape[2:]
    network = network.cpu().to(memory_format=torch.contiguous_format)
    device = settings.device.partition(":")[0]
    sessions: dict[int | None, Any] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a network that can't be exported for any batch size gets a file for each
        for batch in (None, *settings.batches):
            path = Path(folder, f"network-{batch}.onnx")
            report = export_onnx(network, path, shape=(height, width), batch=batch)
            sessions[report.batch] = onnx_session(path, threads=settings.threads, device=device)
            if report.batch is None:
                break

    def forward(images: Tensor) -> tuple[Tensor, ...]:
        session = sessions.get(None) or sessions[len(images)]
        return tuple(torch.from_numpy(x) for x in session.run(None, {"images": images.cpu().numpy()}))

    return forward


def _openvino(network: nn.Module, images: Tensor, settings: Settings) -> Forward:
    if settings.device != "cpu":
        raise ValueError(f"expected the device cpu for OpenVINO, got {settings.device!r}")
    network = network.to(memory_format=torch.contiguous_format)
    sessions: dict[int, OpenVINOSession] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), traced_for("openvino"):
        warnings.simplefilter("ignore")
        for batch in (None, *settings.batches):
            path = Path(folder, f"network-{batch}.onnx")
            report = export_onnx(network, path, shape=tuple(images.shape[2:]), batch=batch)
            for size in settings.batches if report.batch is None else [report.batch]:
                sessions[size] = OpenVINOSession(path, threads=settings.threads, batch=size)
            if report.batch is None:
                break

    def forward(images: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(x) for x in sessions[len(images)].run(None, {"images": images.numpy()}))

    return forward


MODES: dict[str, tuple[bool, Callable[[nn.Module, Tensor, Settings], Forward] | None]] = {
    "eager": (False, None),
    "deploy": (True, None),
    "frozen": (True, _frozen),
    "compile": (False, _compiled),
    "deploy-compile": (True, _compiled),
    "onnx": (False, _onnx),
    "deploy-onnx": (True, _onnx),
    "openvino": (False, _openvino),
    "deploy-openvino": (True, _openvino),
}
"""Mode -> whether the network is in its deployed form, and what is made of it: nothing, a frozen TorchScript graph, a
compiled function, a session of ONNX Runtime, or one of OpenVINO for each batch size."""


def prepare(candidate: Candidate, settings: Settings, *, checkpoint: str | Path | None = None) -> list[Entry]:
    """Build a candidate, count it, and bring it into all forms that are to be measured.

    Args:
        candidate: What to build.
        settings: How to measure.
        checkpoint: Weights; None for random ones.

    Raises:
        ValueError: If a form can't be made; the message names candidate and form.
    """
    torch.set_num_threads(settings.threads)  # before anything is compiled for a number of threads
    shape = candidate.require_shape()
    network = candidate.build(seed=settings.seed, checkpoint=checkpoint)
    try:
        cost = count(network, shape)
        network = _placed(network, settings)
        inputs = [images_for(batch, shape, settings) for batch in settings.batches]
        expected = _outputs(network, inputs)
    except (ValueError, RuntimeError) as error:  # for a size that the network can't process
        raise ValueError(f"{candidate.source} can't be run on {shape[0]}x{shape[1]} ({error})") from error
    entries = []
    for mode in settings.modes:
        deployed, make = MODES[mode]
        form = copy.deepcopy(network)
        try:
            if deployed:
                form = _placed(switch_to_deploy(form), settings)
            forward = make(form, inputs[0], settings) if make else form
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{candidate.label}, mode {mode}: {error}") from error
        difference = max_relative_difference(_outputs(forward, inputs), expected)
        name, source = candidate.label, candidate.source
        entries.append(Entry(name, source, mode, shape, cost.parameters, cost.operations, difference, forward))
    return entries


def _outputs(forward: Forward, inputs: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return [x.cpu() for images in inputs for x in flatten_output(forward(images))]


def _placed(network: nn.Module, settings: Settings) -> nn.Module:
    network = network.to(settings.device)
    return network.to(memory_format=torch.channels_last) if settings.channels_last else network


def images_for(batch: int, shape: tuple[int, int], settings: Settings) -> Tensor:
    """Noise to measure with.

    Args:
        batch: Batch size.
        shape: Height and width.
        settings: Seed, device and layout.
    """
    images = torch.randn(batch, 3, *shape, generator=torch.Generator().manual_seed(settings.seed))
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    return images.to(settings.device, memory_format=layout)


def measure(entries: Sequence[Entry], settings: Settings, *, progress: bool = True) -> None:
    """Time all entries in turns; the samples are left in :attr:`Entry.seconds`.

    Args:
        entries: What :func:`prepare` made, of any number of candidates.
        settings: How to measure.
        progress: Whether to show a progress bar.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    timer = timer_for(settings)
    total = len(settings.batches) * settings.rounds
    try:
        with torch.inference_mode(), tqdm(total=total, desc="rounds", disable=not progress) as bar:
            for batch in settings.batches:
                inputs = {shape: images_for(batch, shape, settings) for shape in {entry.shape for entry in entries}}
                for entry in entries:
                    entry.seconds[batch] = []
                    for _ in range(settings.warmup):
                        entry.forward(inputs[entry.shape])
                for i in range(settings.rounds):
                    start = i % len(entries)
                    for entry in [*entries[start:], *entries[:start]]:
                        entry.seconds[batch].append(timer(entry.forward, inputs[entry.shape]))
                    bar.update()
    finally:
        torch.set_num_threads(threads)


def timer_for(settings: Settings) -> Callable[[Forward, Tensor], float]:
    """What times one call, after an untimed one, in seconds.

    Args:
        settings: Tell the device.
    """
    return _time_on_gpu if settings.device.startswith("cuda") else _time_on_cpu


def _time_on_cpu(forward: Forward, images: Tensor) -> float:
    forward(images)
    start = time.perf_counter()
    forward(images)
    return time.perf_counter() - start


def _time_on_gpu(forward: Forward, images: Tensor) -> float:
    forward(images)
    torch.cuda.synchronize()
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    forward(images)
    stop.record()
    torch.cuda.synchronize()
    return start.elapsed_time(stop) / 1e3


def quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile.

    Args:
        samples: At least one number.
    """
    if len(samples) == 1:
        return samples[0], samples[0], samples[0]
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, middle, high


def ratio(entry: Entry, reference: Entry, batch: int) -> float:
    """How many times as fast as the reference an entry is: the median over the rounds of the ratio in each.

    Args:
        entry: The entry.
        reference: What it is compared with.
        batch: Batch size.
    """
    return statistics.median(b / a for a, b in zip(entry.seconds[batch], reference.seconds[batch], strict=True))


def environment(settings: Settings, command: str) -> dict[str, Any]:
    """What a reader needs in order to judge and to repeat the numbers.

    Args:
        settings: How it was measured.
        command: The command line.
    """
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    for name in ("mmpose", "mmcv", "onnxruntime", "openvino"):
        try:
            versions[name] = __import__(name).__version__
        except ImportError:
            continue
    return {
        "command": command,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "gpu": torch.cuda.get_device_name() if settings.device.startswith("cuda") else None,
        "versions": versions,
        "settings": asdict(settings),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
