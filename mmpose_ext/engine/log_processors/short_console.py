"""A console that a person can read: what MMEngine and COCO print in hundreds of lines goes to the log file."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import logging
import re
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import LogProcessor
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import LOG_PROCESSORS

__all__ = ["ShortConsoleLogProcessor", "shorten"]

LONG = ("System environment", "Config", "Hooks will be executed in the following order")
"""Beginnings of messages of which one line is left."""

FILE_ONLY = re.compile(
    r"Epoch\(val\).* eta: "  # a validation is one line, that of its result
    r"|Iter\(val\).* eta: "
    r"|Evaluating \w+"
    r"|Exp name: "
    r"|Distributed training is not used, all SyncBatchNorm"
    r"|The previous best checkpoint"
    r'|"(FileClient|HardDiskBackend)" '
)
"""Messages that say nothing about a run."""


@LOG_PROCESSORS.register_module()
class ShortConsoleLogProcessor(LogProcessor):
    """MMEngine's log processor for a run with a short console; the log file has every line.

    MMEngine builds it right before the logger of the run, which is the one that is shortened.

    Args:
        full_console: Whether the console shows all that the file has.
        **kwargs: As of :class:`mmengine.runner.LogProcessor`.
    """

    def __init__(self, *, full_console: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not full_console:
            _shorten_next_logger()
            _quieten_coco()


def shorten(logger: logging.Logger) -> None:
    """Let a logger's console show one line of each long message, and none of what only a file needs.

    Args:
        logger: With a handler for the console and, if the long messages should be found, one for a file.
    """
    files = [handler.baseFilename for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(_is_for_the_console)
            inner = handler.formatter or logging.Formatter()
            handler.setFormatter(_OneLineFormatter(inner, files[0] if files else "no file"))


class _OneLineFormatter(logging.Formatter):
    """Leaves one line of the long messages, which says where the rest is."""

    def __init__(self, inner: logging.Formatter, file: str) -> None:
        super().__init__()
        self.inner = inner
        self.file = file

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record.

        Args:
            record: What is logged.
        """
        lines = [line for line in record.getMessage().splitlines() if line.strip("- ")]
        if record.levelno == logging.INFO and len(lines) > 1 and lines[0].startswith(LONG):
            record = copy.copy(record)
            record.msg, record.args = f"{lines[0].rstrip(': ')}: {len(lines) - 1} lines in {self.file}", None
        return self.inner.format(record)


def _is_for_the_console(record: logging.LogRecord) -> bool:
    return not (
        record.levelno <= logging.WARNING
        and (getattr(record, "file_only", False) or FILE_ONLY.match(record.getMessage()))
    )


def _shorten_next_logger() -> None:
    """Shorten the logger that is made next, and none after it."""
    original = MMLogger.__init__

    @functools.wraps(original)
    def initialize(self: MMLogger, *args: Any, **kwargs: Any) -> None:
        MMLogger.__init__ = original
        original(self, *args, **kwargs)
        shorten(self)

    if not hasattr(original, "__wrapped__"):
        MMLogger.__init__ = initialize


def _quieten_coco() -> None:
    """Let the table that the COCO tools print go to the log file, from now on; the result has the same numbers."""
    original = CocoMetric._do_python_keypoint_eval
    if hasattr(original, "is_quiet"):  # done before
        return

    @functools.wraps(original)
    def evaluate(self: CocoMetric, *args: Any, **kwargs: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = original(self, *args, **kwargs)
        logger = MMLogger.get_current_instance()
        logger.info(printed.getvalue(), extra={"file_only": True})
        return result

    vars(evaluate)["is_quiet"] = True
    CocoMetric._do_python_keypoint_eval = evaluate
