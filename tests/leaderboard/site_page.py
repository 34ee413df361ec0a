"""A page of the site as its tags, its text and the data that stand in it."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import Any


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: dict[str, str] = {}
        self.inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = str(dict(attrs).get("id", "")) if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[self.inside] = data
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def data(self, name: str) -> Any:
        """Return the JSON that stands in the page under an id."""
        return json.loads(self.scripts[name])

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
