"""Content and multiplicity of the configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from matbench_defects.crystal.contents import defect_count
from matbench_defects.crystal.space import Content, Space
from matbench_defects.dataset.figures.figure import View, figure
from matbench_defects.plotting import COLOURS, canvas

MOST_NAMES = 52
"""Where there are more contents, configurations are counted by how many sites differ from the host instead."""
_MOST_UPRIGHT, _MOST_SLANTED = 21, 26
"""Ticks that fit on the axis."""
WIDEST = 1000
"""Numbers that differ by more than this factor are drawn on a logarithmic axis."""


@figure("contents", order=10)
def contents(view: View, folder: Path) -> dict[str, str]:
    """Draw how many inequivalent configurations each content has, and how the multiplicities are distributed."""
    names, numbers, multiplicities = Counter[str](), Counter[int](), Counter[int]()
    for part in view.selected.values():
        for one in part.configurations.parts:
            names[_varying(part.space, one.content)] += len(one)
            numbers[defect_count(part.space, one.content)] += len(one)
        multiplicities.update(part.configurations.multiplicities.tolist())
    path = folder / "contents.png"
    if len(names) <= MOST_NAMES:
        draw_contents(path, "content", names, multiplicities)
        return {"contents.png": "Inequivalent configurations by content and by multiplicity"}
    by_number = {str(number): numbers[number] for number in sorted(numbers)}
    draw_contents(path, "number of sites that differ from the host", by_number, multiplicities)
    return {"contents.png": "Inequivalent configurations by how many sites differ from the host, and by multiplicity"}


def _varying(space: Space, content: Content) -> str:
    """Return a content's name without the sublattices whose content never changes."""
    full = space.content_name(content)
    parts = [p for p, s in zip(full.split("."), space.sublattices, strict=True) if len(s.contents) > 1]
    return ".".join(parts) or full


def draw_contents(path: Path, what: str, counts: Mapping[str, int], multiplicities: Mapping[int, int]) -> None:
    """Draw how many inequivalent configurations each content has, and how the multiplicities are distributed.

    Parameters
    ----------
    path : path
        Where the PNG goes.
    what : str
        What the configurations are counted by.
    counts : mapping of str to int
        Inequivalent configurations by content.
    multiplicities : mapping of int to int
        How many configurations have each multiplicity.
    """
    names = list(counts)
    with canvas(path, 8, 3, ncols=2, width_ratios=[1.6, 1]) as axes:
        left, right = axes
        left.bar(range(len(names)), list(counts.values()), color=COLOURS[0])
        upright = names[0].isdigit()  # numbers are short enough
        step = -(-len(names) // (_MOST_UPRIGHT if upright else _MOST_SLANTED))
        slant = {} if upright else {"rotation": 60, "ha": "right"}
        left.set_xticks(range(0, len(names), step), names[::step], fontsize=7, **slant)
        left.set_ylabel("Inequivalent configurations")
        left.set_title(f"By {what}")
        values, frequency = zip(*sorted(multiplicities.items()), strict=True)
        right.bar([str(v) for v in values], frequency, color=COLOURS[1])
        right.tick_params(axis="x", labelrotation=60, labelsize=7)
        right.set_title("By multiplicity")
        right.set_xlabel("Equivalent configurations in the orbit")
        for axis, numbers in ((left, counts.values()), (right, frequency)):
            if max(numbers) > WIDEST * min(n for n in numbers if n):
                axis.set_yscale("log")
