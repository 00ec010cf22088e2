"""The page: fields, buttons and what they call, in Gradio.

Deviations: none (no paper).
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr

from mmpose_ext.demo.desk import Answer, Desk, Fields, Upload
from mmpose_ext.demo.studio import Seen

__all__ = ["CSS", "THEME", "build"]

CSS = (Path(__file__).parent / "page.css").read_text()
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif")
_MONO = ("ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")
THEME = gr.themes.Soft(
    primary_hue="teal",
    secondary_hue="teal",
    neutral_hue="slate",
    radius_size="lg",
    font=[gr.themes.Font(name) for name in _SANS],  # of the reader's machine: nothing is fetched from elsewhere
    font_mono=[gr.themes.Font(name) for name in _MONO],
)
_HEADERS = ["person", "key point", "x", "y", "score"]
_HEAD = """
<header><h1>Poses, and what the network looks at</h1>
<p>Upload a picture, choose one of the networks of five papers, and see its key points beside its own picture: the
patches of SHaRPose, the attention of SFM and SCANet, the windows of SSN.</p></header>
"""
_EMPTY = '<p class="state">Nothing yet.</p>'


def build(desk: Desk, *, detector: str | None = None) -> gr.Blocks:
    """Lay out the page.

    Args:
        desk: Answers what the page asks.
        detector: Name of the detector; None if there is none.
    """
    with gr.Blocks(title="mmpose-ext", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.HTML(_HEAD)
        shown = gr.State(None, time_to_live=3600)  # (Seen, whether weights are random) of this visitor
        with gr.Row(elem_id="desk"):
            with gr.Column(scale=4, min_width=320):
                fields = _fields(desk, detector)
            with gr.Column(scale=6, min_width=320):
                outputs = _outputs()
        picture, model, uploaded, typed, _, _, threshold = fields["all"]
        run = dict(fn=lambda *values: _look(desk, *values), inputs=fields["all"], outputs=[*outputs, shown])
        once: dict[str, Any] = dict(
            preprocess=False,  # files come as they are: what is wrong with one is ours to say
            concurrency_limit=1,
            concurrency_id="one",
            api_visibility="private",
            show_progress="minimal",
            show_progress_on=[outputs[0], outputs[1]],
        )
        fields["run"].click(**run, **once)
        fields["person"].submit(**run, **once)
        quick: dict[str, Any] = dict(api_visibility="private", show_progress="hidden")
        threshold.release(lambda seen, value: _draw(desk, seen, value), [shown, threshold], outputs[1], **quick)
        fields["draw"].click(lambda: str(desk.example()), None, picture, **quick)
        weights = [model, uploaded, typed]
        for field in weights:
            field.change(
                lambda *values: desk.describe(_read(desk, None, *values)),
                weights,
                [fields["about"], fields["note"]],
                preprocess=False,
                **quick,
            )
    return page


def _fields(desk: Desk, detector: str | None) -> dict[str, Any]:
    """What the visitor fills in."""
    found: dict[str, Any] = {}
    picture = gr.Image(label="Picture", sources=["upload", "clipboard"], type="filepath", height=320, elem_id="picture")
    found["draw"] = gr.Button("No picture at hand? Draw a person", size="sm", elem_id="draw")
    started = desk.model in desk.zoo
    listed = [(choice.label, alias) for alias, choice in desk.zoo.items()]
    model = gr.Dropdown(
        listed if started else [(f"{Path(desk.model).stem} · your config", desk.model), *listed],
        value=desk.model,
        label="Model",
        info="Type to search; a config of yours by its path" if desk.local else "Type to search",
        allow_custom_value=desk.local,
        elem_id="model",
    )
    about, note = desk.describe(Fields(None, desk.model))
    found["about"] = gr.Markdown(about, elem_id="about")
    with gr.Accordion("Weights", open=True):
        uploaded = gr.File(label="Checkpoint of this model", height=110, elem_id="checkpoint")
        typed = gr.Textbox(
            label="or its path on this machine", placeholder="work_dirs/…/best.pth", visible=desk.local, elem_id="path"
        )
        found["note"] = gr.Markdown(note, elem_id="note")
    where = gr.Radio(
        [("The whole picture is one person", "whole")] + ([(f"Found by {detector}", "detect")] if detector else []),
        value="detect" if detector else "whole",
        label="Persons",
        info=None if detector else "For several: start the page with --detector and --detector-weights",
    )
    with gr.Row():
        threshold = gr.Slider(0, 1, value=0.3, step=0.01, label="Draw key points from this score on", elem_id="score")
        found["person"] = gr.Number(1, label="Look at person", precision=0, minimum=1, visible=bool(detector))
    found["run"] = gr.Button("Find poses", variant="primary", size="lg", elem_id="run")
    found["all"] = [picture, model, uploaded, typed, where, found["person"], threshold]
    return found


def _outputs() -> list[Any]:
    """What is shown, in the order of :func:`_show`."""
    state = gr.HTML(_EMPTY, elem_id="state")
    overlay = gr.Image(
        label="Pose", interactive=False, format="jpeg", height=460, buttons=["download", "fullscreen"], elem_id="pose"
    )
    panels = gr.Gallery(
        label="What the network looks at",
        columns=4,
        height="auto",
        object_fit="contain",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="panels",
    )
    about = gr.Markdown("", elem_id="whose")
    with gr.Accordion("Key points", open=False):
        table = gr.Dataframe(
            headers=_HEADERS,
            datatype=["number", "str", "number", "number", "number"],
            interactive=False,
            max_height=360,
            buttons=[],
            elem_id="table",
        )
    file = gr.DownloadButton("Download the key points (JSON, COCO's format)", interactive=False, elem_id="download")
    return [state, overlay, panels, about, table, file]


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
    panels = [(picture, title) for picture, title in answer.panels]
    file = gr.DownloadButton(value=str(answer.file) if answer.file else None, interactive=answer.file is not None)
    kept = (answer.seen, answer.kind == "random") if answer.seen else None
    return state, answer.picture, panels, answer.about, [list(row) for row in answer.rows], file, kept


def _draw(desk: Desk, kept: tuple[Seen, bool] | None, threshold: float) -> Any:
    return desk.draw(kept[0], threshold, random=kept[1]) if kept else None
