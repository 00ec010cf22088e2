"""Serves the demo.

Gradio reads several settings when it is imported, so :func:`serve` sets them first. Gradio does not launch the page: it
is mounted in an application of ours, so that our checks come before all of Gradio's routes.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.pretrained import DEFAULT
from mmpose_ext.toolbox.demo.predictor import PosePredictor
from mmpose_ext.toolbox.demo.session import DemoSession
from mmpose_ext.toolbox.devices import AUTO, resolve_device
from mmpose_ext.toolbox.inference import Detector

if TYPE_CHECKING:
    import gradio
    from starlette.types import ASGIApp

__all__ = ["is_loopback", "require_gradio", "serve"]

FIRST_PORTS = range(7860, 7960)


@contextmanager
def serve(
    model: str = DEFAULT,
    checkpoint: Path | None = None,
    *,
    detector: str | None = None,
    detector_weights: str | None = None,
    box_threshold: float = 0.3,
    device: str = AUTO,
    host: str = "127.0.0.1",
    port: int | None = None,
    public_address: str = "",
    allow_paths: bool = False,
    share: bool = False,
) -> Iterator[str]:
    """Serve the demo until the context is left; uploads and results are removed then.

    Only who opens the address with its token gets in. Other programs and users of this machine don't, nor do pages of
    other sites in the same browser.

    Args:
        model: Alias or config that is selected first.
        checkpoint: Weights of that model; None for those that the package ships, or random ones.
        detector: Detector of MMDetection, e.g. ``rtmdet-m``; None to take the whole image as one person.
        detector_weights: Checkpoint of the detector.
        box_threshold: Lowest score of a person box.
        device: As in PyTorch, or ``auto``.
        host: Address to listen on.
        port: Port; None for the first free one from 7860.
        public_address: URL of the page at a reverse proxy, e.g. ``https://lab.example.org/pose``; the proxy removes the
            path. Visitors then have to use this address.
        allow_paths: Whether visitors may name configs and checkpoints on this machine by their paths, which lets them
            run code. Only on a loopback address.
        share: Whether to open a tunnel through Gradio's servers, which gives the page a public address.

    Yields:
        The address of the page with the token.

    Raises:
        ImportError: If Gradio is not installed.
        OSError: If the port is taken, or the tunnel can't be opened.
        ValueError: If an argument can't be used.
    """
    require_gradio()
    public = _parse_public_address(public_address)
    if allow_paths and (share or public or not is_loopback(host)):
        raise ValueError("expected paths to be allowed on a loopback host only, without a public address")
    if share and public:
        raise ValueError("expected a public address or a shared one, got both")
    predictor = _load_predictor(model, checkpoint, detector, detector_weights, box_threshold, device)
    with (
        TemporaryDirectory(prefix="mmpose-ext-demo-", ignore_cleanup_errors=True) as folder,
        _listen(host, port) as sock,
    ):
        session = DemoSession(
            predictor, folder=Path(folder), model=model, checkpoint=checkpoint, allow_paths=allow_paths
        )
        number = sock.getsockname()[1]
        with _environment(GRADIO_TEMP_DIR=str(session.uploads)), _tunnel(host, number, share) as tunnel:
            from mmpose_ext.toolbox.demo.page import build_page

            public = tunnel or public
            page = build_page(session, detector=detector)
            token = secrets.token_urlsafe(32)
            with _running(_application(page, session.uploads, token, host, number, public), page, sock):
                yield f"{public or _local_address(host, number)}/?token={token}"


def require_gradio() -> None:
    """Check that Gradio is installed, and tell it to send nothing to anybody.

    Raises:
        ImportError: If Gradio is missing or too old, with the command that installs it.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"the demo needs Gradio: pip install 'mmpose-ext[demo]', or uv run --extra demo mmpose-ext demo ({error})"
        ) from error
    if int(gradio.__version__.partition(".")[0]) < 6:
        raise ImportError(f"the demo needs Gradio 6, found {gradio.__version__}: pip install 'mmpose-ext[demo]'")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there.

    Args:
        host: Name or address.
    """
    return host.strip("[]") in {"localhost", "::1"} or host.startswith("127.")


def _load_predictor(
    model: str,
    checkpoint: Path | None,
    detector: str | None,
    detector_weights: str | None,
    box_threshold: float,
    device: str,
) -> PosePredictor:
    find_config(model)
    if checkpoint and not checkpoint.is_file():
        raise ValueError(f"expected a checkpoint, got {checkpoint}, which does not exist")
    if bool(detector) != bool(detector_weights):
        raise ValueError("expected both --detector and --detector-weights, or neither")
    device = resolve_device(device)
    if not detector:
        return PosePredictor(device=device)
    options: dict[str, Any] = dict(weights=detector_weights, device=device, threshold=box_threshold)
    return PosePredictor(device=device, detector=Detector(detector, **options))


def _parse_public_address(address: str) -> str:
    """The address without a slash at its end."""
    parts = urlsplit(address)
    if address and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment):
        raise ValueError(f"expected a public address such as https://example.org/pose, got {address!r}")
    return address.rstrip("/")


def _local_address(host: str, port: int) -> str:
    name = "localhost" if host in {"0.0.0.0", "::", "[::]"} else host.strip("[]")
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


@contextmanager
def _listen(host: str, port: int | None) -> Iterator[socket.socket]:
    """A socket that listens on the port, or on the first free one."""
    name = host.strip("[]")
    family = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][0]
    for number in FIRST_PORTS if port is None else [port]:
        try:
            sock = socket.create_server((name, number), family=family, backlog=128)
        except OSError as error:
            reason = error
            continue
        with sock:
            yield sock
        return
    ports = f"{FIRST_PORTS[0]} to {FIRST_PORTS[-1]}" if port is None else port
    raise OSError(f"can't listen on {host}, port {ports}: {reason.strerror or reason}") from reason


@contextmanager
def _tunnel(host: str, port: int, share: bool) -> Iterator[str]:
    """The public address of a tunnel to the port; an empty string without a tunnel."""
    if not share:
        yield ""
        return
    from gradio import networking, tunneling

    try:
        found = networking.setup_tunnel(host, port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # Gradio raises what its client, its download and its program raise
        raise OSError(f"can't open a tunnel through Gradio's servers: {error}") from error
    try:
        yield urlsplit(found)._replace(scheme="https").geturl().rstrip("/")
    finally:
        tunneling.CURRENT_TUNNELS[-1].kill()


def _application(page: gradio.Blocks, uploads: Path, token: str, host: str, port: int, public_address: str) -> ASGIApp:
    """The page behind the checks of :mod:`.access`, :mod:`.limits` and :mod:`.uploads`."""
    import gradio
    from fastapi import FastAPI

    from mmpose_ext.toolbox.demo.access import AccessControl, SecurityHeaders
    from mmpose_ext.toolbox.demo.limits import MAX_UPLOAD, RequestLimits
    from mmpose_ext.toolbox.demo.page import CSS, THEME
    from mmpose_ext.toolbox.demo.uploads import UploadedFilesOnly

    page.queue(max_size=32)
    page.state_session_capacity = 64  # each keeps its last image
    page.has_launched = page.is_running = True  # otherwise Gradio checks no file, as the page is mounted
    app = gradio.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        server_name=host,
        server_port=port,
        root_path=public_address or None,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        allowed_paths=[],
        show_error=False,
        max_file_size=MAX_UPLOAD,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=THEME,
        css=CSS,
    )
    page.app = app.routes[-1].app  # with it, page.close() ends the streams that browsers hold open
    limited = RequestLimits(UploadedFilesOnly(app, uploads=uploads), uploads=uploads)
    cookie = f"mmpose-ext-demo-{port}"
    return SecurityHeaders(AccessControl(limited, token=token, cookie=cookie, host=host, public_address=public_address))


@contextmanager
def _running(app: ASGIApp, page: gradio.Blocks, sock: socket.socket) -> Iterator[None]:
    """Run the application in a thread."""
    import uvicorn

    options: dict[str, Any] = dict(log_level="warning", server_header=False, proxy_headers=False, ws="none")
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", timeout_graceful_shutdown=2, **options))
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise OSError("the server did not start; its messages are above")
            time.sleep(0.01)
        yield
    finally:
        page.close(verbose=False)
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
