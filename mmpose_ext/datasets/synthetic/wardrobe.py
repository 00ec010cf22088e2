"""How one person looks: build, skin, hair, clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.datasets.synthetic.material import Color, Material, hsv, sample_cloth
from mmpose_ext.datasets.synthetic.skeleton import Build

_SKINS: tuple[Color, ...] = (
    (175, 200, 238),
    (150, 182, 226),
    (128, 160, 208),
    (98, 132, 186),
    (72, 104, 156),
    (52, 76, 118),
    (38, 54, 84),
)


@dataclass(frozen=True)
class Look:
    """Everything but the pose.

    Attributes:
        build: Proportions.
        skin: BGR of the skin.
        hair: BGR of hair and brows.
        cut: 'bald', 'short', 'long', 'bun' or 'cap'.
        beard: Whether the chin is covered by hair.
        glasses: Whether glasses are worn.
        top: Material of the upper garment.
        sleeve: Covered share of the arms: 0 none, 0.5 to the elbow, 1 to the wrist.
        bottom: Material of the lower garment.
        lower: 'trousers', 'shorts', 'skirt' or 'dress'.
        leg: Covered share of the legs.
        shoe: Material of the shoes.
        cap: Material of a cap.
        bag: Material of a rucksack or None.
    """

    build: Build
    skin: Color
    hair: Color
    cut: str
    beard: bool
    glasses: bool
    top: Material
    sleeve: float
    bottom: Material
    lower: str
    leg: float
    shoe: Material
    cap: Material
    bag: Material | None


def sample_look(rng: np.random.Generator) -> Look:
    """Draw a person's look.

    Args:
        rng: Source of randomness.

    Returns:
        The look.
    """
    child = rng.random() < 0.15
    size = rng.uniform(0.6, 0.85) if child else rng.normal(1.0, 0.05)
    build = Build(
        size=float(size),
        girth=float(np.clip(rng.normal(1.0, 0.14), 0.75, 1.5)),
        shoulders=float(rng.uniform(0.155, 0.195)),
        hips=float(rng.uniform(0.085, 0.11)),
        head=float(rng.uniform(1.12, 1.3) if child else rng.uniform(0.95, 1.08)),
        leg=0.9 if child else float(rng.uniform(0.95, 1.06)),
    )
    hair = hsv(rng.uniform(10, 40), rng.uniform(0.2, 0.7), rng.uniform(0.05, 0.45))
    if rng.random() < 0.2:
        hair = hsv(rng.uniform(25, 48), rng.uniform(0.05, 0.6), rng.uniform(0.6, 0.95))
    cut = str(rng.choice(["bald", "short", "long", "bun", "cap"], p=[0.06, 0.42, 0.27, 0.09, 0.16]))
    lower = str(rng.choice(["trousers", "shorts", "skirt", "dress"], p=[0.62, 0.2, 0.09, 0.09]))
    top = sample_cloth(rng)
    return Look(
        build=build,
        skin=_SKINS[rng.integers(len(_SKINS))],
        hair=hair,
        cut=cut,
        beard=bool(not child and cut != "long" and rng.random() < 0.2),
        glasses=bool(rng.random() < 0.15),
        top=top,
        sleeve=float(rng.choice([0.0, 0.4, 0.55, 1.0], p=[0.1, 0.3, 0.1, 0.5])),
        bottom=top if lower == "dress" else sample_cloth(rng, dark=True),
        lower=lower,
        leg=float({"trousers": 1.0, "shorts": rng.uniform(0.25, 0.55)}.get(lower, rng.uniform(0.3, 0.7))),
        shoe=sample_cloth(rng, dark=True),
        cap=sample_cloth(rng),
        bag=sample_cloth(rng) if rng.random() < 0.1 else None,
    )
