"""A page for the browser: upload a picture, choose a network, see the pose and what the network looks at.

``mmpose-ext demo`` serves it. What happens stands in :mod:`.zoo`, :mod:`.studio` and :mod:`.desk`, which know nothing
of Gradio; :mod:`.page` and :mod:`.server` are the wiring, and need the extra ``demo``.
"""

from mmpose_ext.toolbox.catalogue.choices import Choice, choices
from mmpose_ext.toolbox.demo.desk import Answer, Desk
from mmpose_ext.toolbox.demo.studio import Request, Seen, Studio

__all__ = ["Answer", "Choice", "Desk", "Request", "Seen", "Studio", "choices"]
