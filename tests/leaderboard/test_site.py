"""The pages: what they show, that they hold nothing of a stranger's to execute, that they are the same each time."""

from __future__ import annotations

import csv
import html.parser
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from leaderboard_samples import make_task

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.formatting import column_decimals, fixed, seconds, tick_labels, ticks, whole
from matbench_defects.leaderboard.site import TEMPLATES, build_site

Submit = Callable[..., Path]
HOSTILE = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\'"{{ 7 * 7 }}'


class Page(html.parser.HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def build(submit: Submit, tmp_path: Path, dataset: Dataset, task: Task) -> Callable[[], Path]:
    def make() -> Path:
        low = make_task("lno-low", split="low-lithium", kind="extrapolation", title="To low lithium content")
        empty = make_task("lno-new", title="A task without submissions", description="")
        root = tmp_path / "submissions"
        root.mkdir(exist_ok=True)
        problems = build_site(tmp_path / "site", root, {task.dataset: dataset}, [task, low, empty])
        assert problems == []
        return tmp_path / "site"

    return make


def test_pages_without_submissions(build: Callable[[], Path]) -> None:
    site = build()
    assert "No submissions yet" in (site / "index.html").read_text()
    assert "No submissions yet" in (site / "tasks" / "lno-energy.html").read_text()


def test_task_page(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet", error=0.02)
    submit("mean", error=-1)
    page = Page(build() / "tasks" / "lno-energy.html")
    headers = {a["data-key"]: a for a in page.all("th") if "data-key" in a}
    assert set(headers) >= {"rank", "model", "mae", "r2", "train", "predict", "parameters", "device"}
    assert headers["rank"]["aria-sort"] == "ascending" and headers["mae"]["aria-sort"] == "none"
    assert headers["mae"]["data-first"] == "ascending" and headers["r2"]["data-first"] == "descending"
    for words in (
        "eV per formula unit",
        "LiNiO2 and NiO2",
        "baseline",
        "↓",
        "↑",
        "Mean absolute error.",
        "123\u202f456",
    ):
        assert words in page.text
    assert len([a for a in page.all("svg") if a.get("class") == "parity"]) == 2
    assert len([a for a in page.all("circle") if (a.get("class") or "").startswith("point")]) == 2 * 20
    assert "lno-cathode:Li0Va12:4" in page.text
    assert "with the lower hull" in page.text
    figure = next(a["src"] for a in page.all("img"))
    assert figure == "../figures/lno-cathode-1.0.0/formation_energy.svg"


def test_undefined_metric_is_a_dash(submit: Submit, build: Callable[[], Path]) -> None:
    submit()
    site = build()
    assert (
        '<td class="number" data-sort=""><span class="value">–</span></td>'
        in (site / "tasks" / "lno-energy.html").read_text()
    )
    data = json.loads((site / "tasks" / "lno-energy.json").read_text())
    assert data["entries"][0]["scores"]["spearman_within_content"]["mean"] is None


def test_overview(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet", error=0.01)
    submit("cluster-expansion", error=0.1)
    page = Page(build() / "index.html")
    assert "Schnet has a" in page.text and "lower MAE than the best baseline, Cluster expansion." in page.text
    assert "extrapolation" in page.text and "lno-cathode@1.0.0" in page.text
    assert "1 of 3 tasks" in page.text


def test_overview_of_baselines_alone(submit: Submit, build: Callable[[], Path]) -> None:
    submit("mean", error=-1)
    assert "Only baselines so far; Mean leads." in Page(build() / "index.html").text


def test_data_beside_the_pages(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet", title="=HYPERLINK(1)")
    site = build()
    lines = list(csv.DictReader((site / "tasks" / "lno-energy.csv").open()))
    assert lines[0]["title"] == "'=HYPERLINK(1)" and float(lines[0]["mae (eV per formula unit)"]) > 0
    data = json.loads((site / "leaderboard.json").read_text())
    assert [task["task"] for task in data["tasks"]] == ["lno-energy", "lno-low", "lno-new"]
    assert data["tasks"][0]["entries"][0]["submission"]["authors"] == ["Ada Lovelace", "Dorothy Hodgkin"]


def test_nothing_of_a_submission_is_markup(submit: Submit, build: Callable[[], Path]) -> None:
    submit(
        "schnet",
        title=HOSTILE[:120],
        description=HOSTILE,
        authors=[HOSTILE[:120]],
        training_data=HOSTILE,
        hardware=HOSTILE[:120],
        code="https://example.org/?a=1&b=2",
    )
    for path in sorted(build().rglob("*.html")):
        page = Page(path)
        root = "" if path.name == "index.html" else "../"
        assert page.all("script") == [{"src": f"{root}assets/site.js", "defer": None}]
        for tag, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on") or name in {"style", "srcdoc"}], tag
            assert tag not in {"iframe", "object", "embed", "base", "form", "style"}
        for attributes in page.all("a"):
            address = attributes["href"] or ""
            if ":" in address:
                assert address.startswith(("https://example.org/", "https://doi.org/"))
                assert attributes["rel"] == "noopener noreferrer nofollow"
        assert all((a.get("src") or "").startswith(f"{root}figures/") for a in page.all("img"))
        policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None and policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "49" not in page.text.split("{{ 7 * 7")[0][-20:]


def test_templates_never_switch_escaping_off() -> None:
    for path in TEMPLATES.glob("*.j2"):
        text = path.read_text()
        assert "|safe" not in text.replace(" ", "") and "autoescape" not in text, path.name


def test_links_within_the_site_lead_somewhere(submit: Submit, build: Callable[[], Path]) -> None:
    submit()
    for path in sorted(build().rglob("*.html")):
        page = Page(path)
        known = {a["id"] for _, a in page.tags if "id" in a}
        for attributes in page.all("a") + page.all("link"):
            address, _, fragment = (attributes["href"] or "").partition("#")
            if "://" not in address:
                assert not address or (path.parent / address).is_file(), attributes
                assert not fragment or fragment in known


def test_same_input_gives_same_bytes(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet")
    submit("mean", error=-1)
    first = {p.name: p.read_bytes() for p in build().rglob("*") if p.is_file()}
    assert first == {p.name: p.read_bytes() for p in build().rglob("*") if p.is_file()}


def test_refused_submission_is_left_out_and_reported(
    submit: Submit, tmp_path: Path, dataset: Dataset, task: Task
) -> None:
    submit("good")
    (submit("broken") / "more").write_text("")
    problems = build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task])
    assert len(problems) == 1 and "broken" in str(problems[0])
    assert "Broken" not in (tmp_path / "site" / "tasks" / "lno-energy.html").read_text()


def test_foreign_folder_is_not_replaced(tmp_path: Path, dataset: Dataset, task: Task) -> None:
    precious = tmp_path / "thesis" / "chapter.tex"
    precious.parent.mkdir()
    precious.write_text("x")
    with pytest.raises(InputError, match="holds files that are no leaderboard"):
        build_site(precious.parent, tmp_path, {task.dataset: dataset}, [task])
    assert precious.read_text() == "x"


def test_dataset_is_needed(tmp_path: Path, task: Task) -> None:
    with pytest.raises(InputError, match=r"needs the dataset lno-cathode@1\.0\.0"):
        build_site(tmp_path / "site", tmp_path, {}, [task])


def test_nothing_heavy_is_imported(submit: Submit, build: Callable[[], Path], dataset: Dataset, tmp_path: Path) -> None:
    submit()
    code = f"""
import sys
from matbench_defects.dataset.reading import open_dataset
from leaderboard_samples import make_task
from matbench_defects.leaderboard import site, writing
assert site.build_site({str(tmp_path / "again")!r}, {str(tmp_path / "submissions")!r},
    {{"lno-cathode@1.0.0": open_dataset({str(dataset.folder)!r})}}, [make_task()]) == []
heavy = {{"torch", "pymatgen", "sklearn", "matplotlib", "datasets"}} & set(sys.modules)
own = [m for m in sys.modules if m.startswith(("matbench_defects.models", "matbench_defects.labels"))]
assert not heavy and not own, (heavy, own)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_numbers() -> None:
    assert (fixed(-0.00001, 2), fixed(-1.5, 1), fixed(float("nan"), 3)) == ("0.00", "−1.5", "–")
    assert (column_decimals([0.0173, 0.5]), column_decimals([0.0082]), column_decimals([])) == (4, 4, 2)
    assert (seconds(0), seconds(0.0001), seconds(0.04567), seconds(3.2), seconds(45.67), seconds(1234.5)) == (
        *("0", "< 0.001", "0.046", "3.20", "45.7", "1234"),
    )
    assert whole(1234567) == "1\u202f234\u202f567" and whole(None) == "–"
    for low, high in ((-0.37, 0.1), (0, 1), (-1e-4, 1e-4), (3.1e5, 9.7e5)):
        marks = ticks(low, high)
        assert 3 <= len(marks) <= 8 and low <= marks[0] + 1e-9 and marks[-1] <= high + 1e-9
        assert len(set(tick_labels(marks))) == len(marks)


def test_an_unverified_dataset_bears_a_badge(dataset: Dataset, task: Task, tmp_path: Path) -> None:
    (tmp_path / "submissions").mkdir()
    named = dataset.manifest | {"unverified": ["parent lno-cathode", "scheme <b>"]}
    for manifest, expected in ((dataset.manifest, 0), (named, 1)):
        folder = tmp_path / f"site{expected}"
        data = Dataset(dataset.folder, manifest)
        assert build_site(folder, tmp_path / "submissions", {task.dataset: data}, [task]) == []
        for page in (Page(folder / "index.html"), Page(folder / "tasks" / f"{task.name}.html")):
            badges = [a for a in page.all("span") if a.get("class") == "badge unverified"]
            assert len(badges) == expected and not page.all("b")
            assert all("parent lno-cathode, scheme <b>" in str(badge["title"]) for badge in badges)
    assert "Unverified, that is, not checked" in page.text
    assert json.loads((folder / "leaderboard.json").read_text())["tasks"][0]["unverified"] == named["unverified"]


def test_the_gap_to_the_interpolation_counterpart(submit: Submit, tmp_path: Path, dataset: Dataset, task: Task) -> None:
    low = make_task("lno-low", split="low-lithium", kind="extrapolation", interpolation=task.name)
    for model, inside, outside in (("both", 0.01, 0.05), ("outside-only", None, 0.03)):
        submit(model, error=outside, task=low)
        if inside is not None:
            submit(model, error=inside)
    site = tmp_path / "site"
    assert build_site(site, tmp_path / "submissions", {task.dataset: dataset}, [task, low]) == []
    entries = {
        e["submission"]["model"]: e for e in json.loads((site / "tasks" / "lno-low.json").read_text())["entries"]
    }
    (other,) = json.loads((site / "tasks" / "lno-energy.json").read_text())["entries"]
    ratio = entries["both"]["scores"]["mae"]["mean"] / other["scores"]["mae"]["mean"]
    assert entries["both"]["gap"] == pytest.approx(ratio) and entries["outside-only"]["gap"] is None
    assert "gap" not in other
    lines = {line["model"]: line for line in csv.DictReader((site / "tasks" / "lno-low.csv").open())}
    assert float(lines["both"]["gap to lno-energy"]) == pytest.approx(ratio)
    assert lines["outside-only"]["gap to lno-energy"] == ""
    page = (site / "tasks" / "lno-low.html").read_text()
    assert "Gap in MAE" in page and f"{ratio:.2f}" in page and 'href="lno-energy.html"' in page
    assert "Gap in MAE" not in (site / "tasks" / "lno-energy.html").read_text()


def test_a_metric_without_value_is_a_dash(submit: Submit, tmp_path: Path, dataset: Dataset) -> None:
    """No model gives deviations, and the dataset knows no hull."""
    task = make_task(metrics=["mae", "nll", "miscalibration_area", "hull_f1_0meV", "boltzmann_450K", "regret_1"])
    submit("a", task=task)
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task]) == []
    data = json.loads((tmp_path / "site" / "tasks" / "lno-energy.json").read_text())
    scores = data["entries"][0]["scores"]
    assert [name for name, score in scores.items() if score["mean"] is None] == [
        "nll",
        "miscalibration_area",
        "hull_f1_0meV",
        "boltzmann_450K",
    ]
    page = (tmp_path / "site" / "tasks" / "lno-energy.html").read_text()
    assert page.count('<span class="value">–</span>') == 4 + 1  # and no peak memory
    assert "nan" not in page.lower().replace("nano", "")
