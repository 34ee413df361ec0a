"""The site of what is shipped: every task and dataset has its page, every baseline that a task names its entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from site_page import Page

from matbench_defects import build_leaderboard
from matbench_defects.evaluation.task import load_task
from matbench_defects.shipped import shipped_specs, shipped_tasks
from matbench_defects.spec.loading import load_spec

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shipped") / "site"
    assert build_leaderboard(out, ROOT / "leaderboard" / "submissions") == []
    return out


def test_every_task_has_a_page_with_its_baselines(site: Path) -> None:
    names = set(shipped_tasks())
    assert {path.stem for path in (site / "tasks").glob("*.html")} == names and len(names) == 27
    for name in names:
        entries = json.loads((site / "tasks" / f"{name}.json").read_text())["entries"]
        found = {entry["submission"]["model"] for entry in entries if entry["baseline"]}
        assert found == set(load_task(name).baselines), name
        page = Page(site / "tasks" / f"{name}.html")
        assert {"parity", "contents", "cost"} <= {a.get("data-plot") for a in page.all("figure")}, name
        assert len(page.all("tr")) == 1 + len(entries)


def test_every_dataset_has_a_page_with_card_spec_viewer_and_how_to_get_it(site: Path) -> None:
    specs = {f"{name}-{load_spec(path).version}": name for name, path in shipped_specs().items()}
    assert {path.stem for path in (site / "datasets").glob("*.html")} == set(specs) and len(specs) == 9
    for stem, name in specs.items():
        page = Page(site / "datasets" / f"{stem}.html")
        assert f'matbench_defects.load_dataset("{name}", version=' in page.text
        assert f"matbench-defects build {name} --out" in page.text
        assert "sublattices:" in page.text and "Labels, and how far to trust them" in page.text, name
        assert len(page.data("structure-data")["structures"]) >= 3, name
        for image in page.all("img"):
            assert (site / "datasets" / str(image["src"])).is_file(), (name, image)
        assert len(page.all("img")) >= 3, name


def test_the_overview_stays_small(site: Path) -> None:
    needed = [site / "index.html", *((site / "assets" / name) for name in ("site.css", "site.js", "icon.svg"))]
    assert sum(path.stat().st_size for path in needed) < 300_000
