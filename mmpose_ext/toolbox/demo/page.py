"""The page: fields, buttons and what they call, in Gradio.

Deviations: none (no paper).
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np

from mmpose_ext.toolbox.demo.desk import Answer, Desk, Fields, Upload
from mmpose_ext.toolbox.demo.studio import Seen

__all__ = ["CSS", "THEME", "build"]

CSS = (Path(__file__).parent / "page.css").read_text()
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
_PLAIN = {
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
_COLOURS = {
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
    font=[gr.themes.Font(name) for name in _SANS],  # of the reader's machine: nothing is fetched from elsewhere
    font_mono=[gr.themes.Font(name) for name in _MONO],
).set(**_PLAIN, **_COLOURS)
_HEADERS = ["person", "key point", "x", "y", "score"]
_HEAD = """
<header><h1>Poses, and what the network looks at</h1>
<p>Upload a picture and choose a network of one of five papers. Its key points come with its own picture: the patches
that SHaRPose refines, the attention of X-HRNet, SFM and SCANet, the windows of SSN.</p></header>
"""
_EMPTY = '<p class="state">A picture, a model, and “Find poses”: what is found appears here.</p>'
_ZOOM = """tabindex="0" onmousedown="if (document.activeElement === this) { event.preventDefault(); this.blur() }"
 onkeydown="if (event.key === 'Escape') this.blur()\""""


def build(desk: Desk, *, detector: str | None = None) -> gr.Blocks:
    """Lay out the page.

    Args:
        desk: Answers what the page asks.
        detector: Name of the detector; None if there is none.
    """
    with gr.Blocks(title="mmpose-ext", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(_HEAD)
        shown = gr.State(None, time_to_live=3600)  # (Seen, whether weights are random) of this visitor
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                left = _fields(desk, detector)
            with gr.Column(scale=6, min_width=320):
                right = _outputs()
        _connect(desk, left, right, shown)
    return page


def _connect(desk: Desk, left: dict[str, Any], right: dict[str, Any], shown: gr.State) -> None:
    """Say what calls what."""
    picture, model, uploaded, typed, *_ = left["fields"]
    results, threshold = right["results"], right["threshold"]
    once: dict[str, Any] = dict(
        preprocess=False,  # files come as they are: what is wrong with one is ours to say
        concurrency_limit=1,
        concurrency_id="one",
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=results[:2],
    )
    quick: dict[str, Any] = dict(api_visibility="private", show_progress="hidden")
    for listener in (left["run"].click, left["person"].submit):
        listener(lambda *values: _look(desk, *values), [*left["fields"], threshold], [*results, shown], **once)
    redraw = dict(trigger_mode="always_last", **quick)  # a slider that is dragged changes often
    threshold.change(lambda kept, value: _draw(desk, kept, value), [shown, threshold], results[1], **redraw)
    left["draw"].click(lambda: str(desk.example()), None, picture, **quick)
    for field in (model, uploaded, typed):
        field.change(
            lambda *values: desk.describe(_read(desk, None, *values)),
            [model, uploaded, typed],
            [left["about"], left["note"]],
            preprocess=False,
            **quick,
        )


def _fields(desk: Desk, detector: str | None) -> dict[str, Any]:
    """What the visitor fills in."""
    found: dict[str, Any] = {}
    picture = gr.Image(label="Picture", sources=["upload", "clipboard"], type="filepath", height=300, elem_id="picture")
    found["draw"] = gr.Button("No picture at hand? Have a person drawn", size="sm", elem_id="draw")
    listed = [(choice.label, alias) for alias, choice in desk.zoo.items()]
    own = [] if desk.model in desk.zoo else [(f"{Path(desk.model).stem} · your config", desk.model)]
    model = gr.Dropdown(
        [*own, *listed],
        value=desk.model,
        label="Model, or the path of a config" if desk.local else "Model",
        allow_custom_value=desk.local,
        elem_id="model",
    )
    about, note = desk.describe(Fields(None, desk.model))
    found["about"] = gr.Markdown(about, elem_id="about")
    found["note"] = gr.Markdown(note, elem_id="note")
    with gr.Accordion("Weights", open=False, elem_id="weights"):
        uploaded = gr.File(label="Checkpoint of this model", height=120, elem_id="checkpoint")
        typed = gr.Textbox(
            label="or its path on this machine",
            placeholder="work_dirs/…/best.pth",
            visible=desk.local,
            elem_id="path",
        )
    with gr.Row(visible=bool(detector)):
        where = gr.Radio(
            [("the whole picture", "whole")] + ([(f"found by {detector}", "detect")] if detector else []),
            value="detect" if detector else "whole",
            label="Persons",
            elem_id="where",
        )
        found["person"] = gr.Number(1, label="Look at person", precision=0, minimum=1, min_width=120, elem_id="person")
    found["run"] = gr.Button("Find poses", variant="primary", size="lg", elem_id="run")
    found["fields"] = [picture, model, uploaded, typed, where, found["person"]]
    return found


def _outputs() -> dict[str, Any]:
    """What is shown: `results` in the order of :func:`_show`, and the slider below the picture."""
    state = gr.HTML(_EMPTY, elem_id="state")
    overlay = gr.Image(
        label="Pose", interactive=False, format="jpeg", height=460, buttons=["download", "fullscreen"], elem_id="pose"
    )
    threshold = gr.Slider(0, 1, value=0.3, step=0.01, label="Key points are drawn from this score on", elem_id="score")
    panels = gr.HTML("", elem_id="panels")
    with gr.Accordion("Key points", open=False, elem_id="points"):
        table = gr.Dataframe(
            headers=_HEADERS,
            datatype=["number", "str", "number", "number", "number"],
            interactive=False,
            max_height=360,
            buttons=[],
            elem_id="table",
        )
    file = gr.DownloadButton("Download the key points (JSON, COCO's format)", interactive=False, elem_id="download")
    return {"results": [state, overlay, panels, table, file], "threshold": threshold}


def _look(desk: Desk, *values: Any) -> tuple:
    return _show(desk.look(_read(desk, *values)))


def _read(
    desk: Desk,
    picture: Any,
    model: Any,
    uploaded: Any,
    typed: Any,
    where: Any = "whole",
    person: Any = 1,
    threshold: Any = 0.3,
) -> Fields:
    """What stands in the fields, from what the browser sent."""
    name, path = str(model or ""), str(typed or "") if desk.local else ""
    return Fields(
        _upload(picture), name, _upload(uploaded), path, where == "detect", int(person or 1), float(threshold)
    )


def _upload(value: Any) -> Upload | None:
    if not value:
        return None
    path = Path(value["path"])  # Gradio has checked that it is an upload or was offered by this page
    return Upload(path, value.get("orig_name") or path.name)


def _show(answer: Answer) -> tuple:
    """Values of the outputs, and of the state."""
    state = f'<p class="state {answer.kind}" role="status">{html.escape(answer.text)}</p>'
    file = gr.DownloadButton(value=str(answer.file) if answer.file else None, interactive=answer.file is not None)
    kept = (answer.seen, answer.kind == "random") if answer.seen else None
    rows = [list(row) for row in answer.rows]
    return state, answer.picture, _figures(answer.panels, answer.about), rows, file, kept


def _figures(panels: Sequence[tuple[np.ndarray, str]], about: str) -> str:
    """Pictures with their whole titles; one that has the focus is enlarged (page.css)."""
    if not about:
        return ""
    figures = []
    for picture, title in panels:
        _, content = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
        source = f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"
        title = html.escape(title)
        figures.append(f"<figure {_ZOOM}><img src='{source}' alt='{title}'><figcaption>{title}</figcaption></figure>")
    return f"<h2>What the network looks at</h2><p>{html.escape(about)}</p><div>{''.join(figures)}</div>"


def _draw(desk: Desk, kept: tuple[Seen, bool] | None, threshold: float) -> Any:
    return desk.draw(kept[0], threshold, random=kept[1]) if kept else None
