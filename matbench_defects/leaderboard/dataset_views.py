"""What the page of a dataset shows: its card, its spec, some structures, its labels as a table."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
from markupsafe import Markup

from matbench_defects.bounded import read_text
from matbench_defects.csv_text import without_formula
from matbench_defects.dataset.reading import Dataset
from matbench_defects.leaderboard.structure_views import shown_structures
from matbench_defects.leaderboard.views import TaskView


@dataclass(frozen=True)
class DatasetView:
    """A dataset with the tasks on it.

    Parameters
    ----------
    name : str
        Name of its page, ``lno-cathode-1.0.0``.
    dataset : Dataset
        The dataset.
    tasks : list of TaskView
        The tasks that are about it.
    title : str
        Its title.
    card : markupsafe.Markup
        Its card as HTML, without the title; no HTML that stands in the card itself.
    spec : str
        Its spec as YAML.
    viewer : dict
        Structures for the viewer, or nothing.
    figures : dict of str to str
        Captions of the pictures that the card does not show itself, by address in the site.
    """

    name: str
    dataset: Dataset
    tasks: list[TaskView]
    title: str
    card: Markup
    spec: str
    viewer: dict[str, Any]
    figures: dict[str, str]

    @property
    def reference(self) -> str:
        """Name and version as tasks say them."""
        return f"{self.dataset.name}@{self.dataset.version}"


def page_name(dataset: Dataset) -> str:
    """Return the name of a dataset's page and folder in the site."""
    return f"{dataset.name}-{dataset.version}"


def dataset_views(views: Sequence[TaskView]) -> list[DatasetView]:
    """Return the datasets of some tasks, by name and version."""
    found: dict[str, list[TaskView]] = {}
    for view in views:
        found.setdefault(view.task.dataset, []).append(view)
    return [_view(tasks[0].dataset, tasks) for _, tasks in sorted(found.items())]


def _view(dataset: Dataset, tasks: list[TaskView]) -> DatasetView:
    title, card = _card(dataset)
    return DatasetView(
        name=page_name(dataset),
        dataset=dataset,
        tasks=tasks,
        title=title,
        card=card,
        spec=read_text(dataset.folder / "spec.yaml"),
        viewer=shown_structures(dataset),
        figures=_other_figures(dataset, card),
    )


def _card(dataset: Dataset) -> tuple[str, Markup]:
    """Return the card's title, and the rest of it as HTML; its pictures lead to the site's copies."""
    from markdown_it import MarkdownIt

    path = dataset.folder / "README.md"
    text = read_text(path) if path.is_file() else f"# {dataset.name}\n"
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).strip()
    title = dataset.name
    if found := re.match(r"# (.+)\n?", text):
        title, text = found[1], text[found.end() :]
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        token.attrs.pop("style", None)
        for child in token.children or []:
            source = str(child.attrs.get("src", ""))
            if child.type == "image":
                child.attrs["src"] = f"../figures/{page_name(dataset)}/{source.removeprefix('figures/')}"
                child.attrs["loading"] = "lazy"
            if child.type == "link_open":
                child.attrs["rel"] = "noopener noreferrer nofollow"
    return title, Markup(markdown.renderer.render(tokens, markdown.options, {}))


def _other_figures(dataset: Dataset, card: str) -> dict[str, str]:
    captions = dataset.manifest.get("figures", {})
    found = {f"figures/{page_name(dataset)}/{Path(name).name}": str(captions[name]) for name in sorted(captions)}
    return {address: caption for address, caption in found.items() if address not in card}


def dataset_data(view: DatasetView) -> dict[str, Any]:
    """Return a dataset's manifest with the tasks on it, as plain data."""
    return {
        "dataset": view.reference,
        "title": view.title,
        "tasks": [task.task.name for task in view.tasks],
        "manifest": view.dataset.manifest,
    }


def dataset_csv(view: DatasetView) -> str:
    """Return the labelled configurations as CSV: what they are and the value of each target, units in the header."""
    table = view.dataset.structures
    columns = [name for name in ("id", "space", "content", "multiplicity", "space_group") if name in table.schema.names]
    named = {name: name for name in columns}
    for target in view.dataset.targets:
        quantity = view.dataset.quantity(target)
        named[target] = target if quantity.shown_unit == "1" else f"{target} ({quantity.shown_unit})"
    plain = pa.table([_without_formulas(table[name]) for name in named], names=list(named.values()))
    stream = io.BytesIO()
    pyarrow.csv.write_csv(plain, stream)
    return stream.getvalue().decode()


def _without_formulas(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    return pa.chunked_array([[None if text is None else without_formula(text) for text in column.to_pylist()]])
