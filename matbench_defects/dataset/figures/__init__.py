"""Figures of a dataset's card: each registers itself and is drawn where its data exists."""

from matbench_defects.dataset.figures.figure import View, draw_figures, figures

__all__ = ["View", "draw_figures", "figures"]
