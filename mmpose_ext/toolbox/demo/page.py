"""The page in Gradio: the form, the output, and the events that connect them to a session."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np

from mmpose_ext.toolbox.demo.predictor import Prediction
from mmpose_ext.toolbox.demo.session import DemoResult, DemoSession, FormValues, Upload, describe_error

__all__ = ["CSS", "THEME", "build_page"]

CSS = (Path(__file__).parent / "page.css").read_text()
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
_LABELS = {
    f"{part}{dark}": value
    for dark in ("", "_dark")
    for part, value in {
        "block_label_background_fill": "*block_background_fill",
        "block_label_text_color": "*body_text_color_subdued",
        "block_title_background_fill": "transparent",
        "block_title_text_color": "*body_text_color_subdued",
        "block_border_width": "1px",
    }.items()
}
_COLORS = {
    "body_background_fill": "*neutral_50",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_300",
    "block_border_color": "*neutral_200",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
}
THEME = gr.themes.Soft(
    primary_hue="teal",
    secondary_hue="teal",
    neutral_hue="slate",
    font=[gr.themes.Font(name) for name in _SANS],  # installed fonts: nothing is downloaded
    font_mono=[gr.themes.Font(name) for name in _MONO],
).set(**_LABELS, **_COLORS)
_COLUMNS = ["person", "keypoint", "x", "y", "score"]
_HEADER = """
<header><h1>Poses, and what the network looks at</h1>
<p>Upload an image and choose a network from one of five papers. The page shows the keypoints and what the network looks
at: the patches that SHaRPose refines, the attention of X-HRNet, SFM and SCANet, the windows of SSN.</p></header>
"""
_INITIAL_STATUS = '<p class="state">Choose an image and a model, then press “Find poses”.</p>'
_ZOOM = """tabindex="0" onmousedown="if (document.activeElement === this) { event.preventDefault(); this.blur() }"
 onkeydown="if (event.key === 'Escape') this.blur()\""""


def build_page(session: DemoSession, *, detector: str | None = None) -> gr.Blocks:
    """Lay out the page.

    Args:
        session: Handles what visitors ask for.
        detector: Name of the detector; None if there is none.
    """
    with gr.Blocks(title="mmpose-ext", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(_HEADER)
        shown = gr.State(None, time_to_live=3600)  # (Prediction, whether the weights are random) of this visitor
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                inputs = _add_inputs(session, detector)
            with gr.Column(scale=6, min_width=320):
                outputs = _add_outputs()
        _connect(session, inputs, outputs, shown)
    return page


def _connect(session: DemoSession, inputs: dict[str, Any], outputs: dict[str, Any], shown: gr.State) -> None:
    """Connect the events of the page to the session."""
    image, model, checkpoint, checkpoint_path, *_ = inputs["form"]
    results, threshold = outputs["results"], outputs["threshold"]
    slow: dict[str, Any] = dict(
        preprocess=False,  # the session checks the files and says what is wrong with one
        concurrency_limit=1,
        concurrency_id="predict",
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=results[:2],
    )
    fast: dict[str, Any] = dict(api_visibility="private", show_progress="hidden")
    for listener in (inputs["run"].click, inputs["person"].submit):
        listener(lambda *values: _run(session, *values), [*inputs["form"], threshold], [*results, shown], **slow)
    redraw = dict(trigger_mode="always_last", **fast)  # a slider that is dragged changes often
    threshold.change(lambda kept, value: _redraw(session, kept, value), [shown, threshold], results[1], **redraw)
    inputs["example"].click(lambda: str(session.render_example()), None, image, **fast)
    for component in (model, checkpoint, checkpoint_path):
        component.change(
            lambda *values: session.describe(_read_form(None, *values)),
            [model, checkpoint, checkpoint_path],
            [inputs["about"], inputs["weights"]],
            preprocess=False,
            **fast,
        )


def _add_inputs(session: DemoSession, detector: str | None) -> dict[str, Any]:
    """Add the form: `form` has its components in the order of :func:`_read_form`."""
    found: dict[str, Any] = {}
    image = gr.Image(label="Image", sources=["upload", "clipboard"], type="filepath", height=300, elem_id="image")
    found["example"] = gr.Button("Use a rendered example", size="sm", elem_id="example")
    listed = [(choice.label, alias) for alias, choice in session.choices.items()]
    own = [] if session.model in session.choices else [(f"{Path(session.model).stem} · your config", session.model)]
    model = gr.Dropdown(
        [*own, *listed],
        value=session.model,
        label="Model, or the path of a config" if session.allow_paths else "Model",
        allow_custom_value=session.allow_paths,
        elem_id="model",
    )
    about, weights = session.describe(FormValues(None, session.model))
    found["about"] = gr.Markdown(about, elem_id="about")
    found["weights"] = gr.Markdown(weights, elem_id="note")
    with gr.Accordion("Weights", open=False, elem_id="weights"):
        checkpoint = gr.File(label="Checkpoint of this model", height=120, elem_id="checkpoint")
        checkpoint_path = gr.Textbox(
            label="or its path on this machine",
            placeholder="work_dirs/…/best.pth",
            visible=session.allow_paths,
            elem_id="path",
        )
    with gr.Row(visible=bool(detector)):
        where = gr.Radio(
            [("the whole image", "whole")] + ([(f"found by {detector}", "detect")] if detector else []),
            value="detect" if detector else "whole",
            label="Persons",
            elem_id="where",
        )
        found["person"] = gr.Number(1, label="Show person", precision=0, minimum=1, min_width=120, elem_id="person")
    found["run"] = gr.Button("Find poses", variant="primary", size="lg", elem_id="run")
    found["form"] = [image, model, checkpoint, checkpoint_path, where, found["person"]]
    return found


def _add_outputs() -> dict[str, Any]:
    """Add the output: `results` in the order of :func:`_output_values`, and the slider below the image."""
    status = gr.HTML(_INITIAL_STATUS, elem_id="state")
    overlay = gr.Image(
        label="Pose", interactive=False, format="jpeg", height=460, buttons=["download", "fullscreen"], elem_id="pose"
    )
    threshold = gr.Slider(0, 1, value=0.3, step=0.01, label="Lowest score of a drawn keypoint", elem_id="score")
    panels = gr.HTML("", elem_id="panels")
    with gr.Accordion("Keypoints", open=False, elem_id="points"):
        table = gr.Dataframe(
            headers=_COLUMNS,
            datatype=["number", "str", "number", "number", "number"],
            interactive=False,
            max_height=360,
            buttons=[],
            elem_id="table",
        )
    file = gr.DownloadButton("Download the keypoints (JSON, COCO format)", interactive=False, elem_id="download")
    return {"results": [status, overlay, panels, table, file], "threshold": threshold}


def _run(session: DemoSession, *values: Any) -> tuple:
    try:
        form = _read_form(*values)
    except ValueError as error:
        return _output_values(DemoResult("error", describe_error(error, {})))
    return _output_values(session.run(form))


def _read_form(
    image: Any,
    model: Any,
    checkpoint: Any,
    checkpoint_path: Any,
    where: Any = "whole",
    person: Any = 1,
    threshold: Any = 0.3,
) -> FormValues:
    """The form, from what the browser sent: any JSON."""
    try:
        numbers = int(person or 1), float(threshold)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected numbers for person and score, got {person!r} and {threshold!r}") from error
    name, path = str(model or ""), str(checkpoint_path or "")
    return FormValues(_read_upload(image), name, _read_upload(checkpoint), path, where == "detect", *numbers)


def _read_upload(value: Any) -> Upload | None:
    if not value:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise ValueError("expected an uploaded file")
    path = Path(value["path"])
    return Upload(path, str(value.get("orig_name") or path.name))


def _output_values(result: DemoResult) -> tuple:
    """Values of the outputs, and of the state."""
    status = f'<p class="state {result.status}" role="status">{html.escape(result.text)}</p>'
    found = result.json_file
    file = gr.DownloadButton(value=str(found) if found else None, interactive=found is not None)
    kept = (result.prediction, result.status == "random") if result.prediction else None
    rows = [list(row) for row in result.rows]
    return status, result.overlay, _panels_html(result.panels, result.panel_text), rows, file, kept


def _panels_html(panels: Sequence[tuple[np.ndarray, str]], text: str) -> str:
    """Images with their full titles; the one that has the focus is enlarged (page.css)."""
    if not text:
        return ""
    figures = []
    for image, title in panels:
        _, content = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
        source = f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"
        title = html.escape(title)
        figures.append(f"<figure {_ZOOM}><img src='{source}' alt='{title}'><figcaption>{title}</figcaption></figure>")
    return f"<h2>What the network looks at</h2><p>{html.escape(text)}</p><div>{''.join(figures)}</div>"


def _redraw(session: DemoSession, kept: tuple[Prediction, bool] | None, threshold: float) -> Any:
    return session.draw(kept[0], threshold, random=kept[1]) if kept else None
