"""Content and multiplicity of the configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.figures.canvas import COLOURS, canvas
from matbench_defects.dataset.figures.figure import View, figure


@figure("contents", order=10)
def contents(view: View, folder: Path) -> dict[str, str]:
    """Draw how many inequivalent configurations each content has, and how the multiplicities are distributed."""
    names, multiplicities = Counter[str](), []
    for part in view.selected.values():
        for one in part.configurations.parts:
            names[_varying(part.space, one.content)] += len(one)
        multiplicities.extend(part.configurations.multiplicities.tolist())
    draw_contents(folder / "contents.png", list(names), list(names.values()), multiplicities)
    return {"contents.png": "Inequivalent configurations by content and by multiplicity"}


def _varying(space: Space, content: Content) -> str:
    """Return a content's name without the sublattices whose content never changes."""
    full = space.content_name(content)
    parts = [p for p, s in zip(full.split("."), space.sublattices, strict=True) if len(s.contents) > 1]
    return ".".join(parts) or full


def draw_contents(path: Path, names: Sequence[str], counts: Sequence[int], multiplicities: Sequence[int]) -> None:
    """Draw how many inequivalent configurations each content has, and how the multiplicities are distributed.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    names : sequence of str
        The contents.
    counts : sequence of int
        Inequivalent configurations of each.
    multiplicities : sequence of int
        Multiplicity of each configuration.
    """
    with canvas(path, 8, 3, ncols=2, width_ratios=[1.6, 1]) as axes:
        left, right = axes
        left.bar(range(len(names)), counts, color=COLOURS[0])
        step = -(-len(names) // 26)
        left.set_xticks(range(0, len(names), step), list(names)[::step], rotation=60, ha="right", fontsize=7)
        left.set_ylabel("Inequivalent configurations")
        left.set_title("By content")
        values, frequency = np.unique(np.asarray(multiplicities), return_counts=True)
        right.bar([str(v) for v in values], frequency, color=COLOURS[1])
        right.tick_params(axis="x", labelrotation=60, labelsize=7)
        right.set_title("By multiplicity")
        right.set_xlabel("Equivalent configurations in the orbit")
