"""Serves the page: on this machine unless asked otherwise, without a word to any other one.

Gradio reads several switches when it is imported, so that :func:`serve` sets them first.

Deviations: none (no paper).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmpose_ext.toolbox.demo.desk import Desk
from mmpose_ext.toolbox.demo.studio import Studio

__all__ = ["is_local", "require_gradio", "serve"]

LARGEST_FILE = "2gb"
"""Of an upload: checkpoints with the state of an optimizer are large."""
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'"
)
"""What a browser may load: from this server only, whatever Gradio's own files name."""


def require_gradio() -> None:
    """See that the page can be made.

    Raises:
        ImportError: If Gradio is not installed, with the line that installs it.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"the page needs Gradio: pip install 'mmpose-ext[demo]', or uv run --extra demo mmpose-ext demo ({error})"
        ) from error
    if int(gradio.__version__.partition(".")[0]) < 6:
        raise ImportError(f"the page needs Gradio 6, found {gradio.__version__}: pip install 'mmpose-ext[demo]'")


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server that listens there.

    Args:
        host: Name or address.
    """
    return host in {"localhost", "::1"} or host.startswith("127.")


@contextmanager
def serve(
    studio: Studio,
    *,
    model: str,
    checkpoint: Path | None = None,
    detector: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
) -> Iterator[str]:
    """Serve the page until the context is left; uploads and results are removed then.

    Args:
        studio: Finds the poses.
        model: Alias or config that the page starts with.
        checkpoint: Its weights.
        detector: Name of the studio's detector, for the page.
        host: Address to listen on.
        port: Port; None for the first free one from 7860 on.
        share: Whether to open a tunnel by Gradio's servers, which gives the page a public address.

    Yields:
        The address of the page.

    Raises:
        ImportError: If Gradio is not installed.
        OSError: If the port is taken.
    """
    require_gradio()
    local = is_local(host) and not share
    with TemporaryDirectory(prefix="mmpose-ext-demo-") as folder, _environment(GRADIO_TEMP_DIR=f"{folder}/uploads"):
        from mmpose_ext.toolbox.demo.page import CSS, THEME, build

        desk = Desk(studio, folder=Path(folder, "results"), model=model, checkpoint=checkpoint, local=local)
        page = build(desk, detector=detector).queue(max_size=32)
        try:
            _, address, public = page.launch(
                server_name=host,
                server_port=port,
                share=share,
                prevent_thread_lock=True,
                quiet=True,
                footer_links=[],
                run_history=False,
                ssr_mode=False,
                max_file_size=LARGEST_FILE,
                app_kwargs={"middleware": [_policy()], "docs_url": None, "redoc_url": None, "openapi_url": None},
                theme=THEME,
                css=CSS,
            )
            yield public or address
        finally:
            page.close(verbose=False)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _policy() -> Any:
    """A middleware that tells browsers to load nothing from elsewhere."""
    from starlette.middleware import Middleware

    class Policy:
        def __init__(self, app: Callable) -> None:
            self.app = app

        async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
            async def with_policy(message: dict) -> None:
                if message["type"] == "http.response.start":
                    header = (b"content-security-policy", POLICY.encode())
                    message = {**message, "headers": [*message.get("headers", []), header]}
                await send(message)

            await self.app(scope, receive, with_policy)

    return Middleware(Policy)
