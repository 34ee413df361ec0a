"""The pages: what they show, that they hold nothing of a stranger's to execute, that they are the same each time."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from leaderboard_samples import describe, make_task, predict
from site_page import Page

from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import Score
from matbench_defects.evaluation.tables.numbers import column_decimals, fixed, seconds, spread, whole
from matbench_defects.evaluation.task import Task
from matbench_defects.files import sha256_of_file
from matbench_defects.leaderboard.site import CHARTS, TEMPLATES, build_site

Submit = Callable[..., Path]
HOSTILE = '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\'"{{ 7 * 7 }}'


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
    shown = page.data("plot-data")
    assert [e["title"] for e in shown["entries"]] == ["Schnet", "Mean"] and "lno-cathode:Li0Va12:4" in shown["rows"][
        "ids"
    ]
    assert {len(shown["rows"]["truth"]), *(len(e["predicted"]) for e in shown["entries"])} == {20}
    drawn = [a["data-plot"] for a in page.all("figure") if "data-plot" in a]
    assert drawn == ["parity", "contents", "cost"]  # the rows say of no defects, and no deviation is given


def test_a_tie_shares_a_place(submit: Submit, build: Callable[[], Path], task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset, 0.03)
    shaken = table["prediction"].to_numpy() + 1e-3 * np.random.default_rng(5).normal(size=len(table))
    submit("first", predictions=table)
    submit("second", predictions=table.set_column(2, table.schema.field(2), pa.array(shaken)))
    submit("third", error=0.3)
    site = build()
    text = (site / "tasks" / "lno-energy.html").read_text()
    assert text.count('data-sort="1">1=</td>') == 2 and text.count('data-sort="3">3</td>') == 1
    overview = (site / "index.html").read_text()
    assert overview.count('<span class="place">1=</span>') == 2 and overview.count('<span class="place">3</span>') == 1


def test_model_page(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet", training_overlap="unknown", paper="10.1000/xyz123")
    site = build()
    page = Page(site / "models" / "schnet.html")
    for words in ("Formation energy of delithiated", "1 of 1", "Ada Lovelace, Dorothy Hodgkin", "not known", "12.3"):
        assert words in page.text
    assert "https://doi.org/10.1000/xyz123" in [a.get("href") for a in page.all("a")]
    assert json.loads((site / "models" / "schnet.json").read_text())["entries"][0]["task"] == "lno-energy"
    lines = list(csv.DictReader((site / "models" / "schnet.csv").open()))
    assert {line["metric"] for line in lines} >= {"mae", "r2"} and {line["rank"] for line in lines} == {"1"}


def test_dataset_page(build: Callable[[], Path], dataset: Dataset) -> None:
    site = build()
    page = Page(site / "datasets" / "lno-cathode-1.0.0.html")
    assert 'matbench_defects.load_dataset("lno-cathode", version="1.0.0")' in page.text
    assert "matbench-defects build lno-cathode" in page.text and "sublattices:" in page.text
    assert "with the lower hull" in page.text
    assert next(a["src"] for a in page.all("img")) == "../figures/lno-cathode-1.0.0/formation_energy.svg"
    assert not page.all("canvas")  # these rows hold no structures
    lines = list(csv.DictReader((site / "datasets" / "lno-cathode-1.0.0.csv").open()))
    assert len(lines) == len(dataset.structures) and "formation_energy (eV per formula unit)" in lines[0]
    data = json.loads((site / "datasets" / "lno-cathode-1.0.0.json").read_text())
    assert data["tasks"] == ["lno-energy", "lno-low", "lno-new"] and data["manifest"]["name"] == "lno-cathode"


def test_html_in_a_card_is_text(dataset: Dataset, task: Task, tmp_path: Path) -> None:
    folder = tmp_path / "lno-cathode"
    shutil.copytree(dataset.folder, folder)
    hostile = "<script>alert(1)</script>\n\n[a](javascript:alert(1))"
    (folder / "README.md").write_text(f"---\nlicense: x\n---\n# Title <b>\n\n{hostile}\n\n|a|\n|:-:|\n|1|\n")
    (tmp_path / "submissions").mkdir()
    data = Dataset(folder, dataset.manifest)
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: data}, [task]) == []
    page = Page(tmp_path / "site" / "datasets" / "lno-cathode-1.0.0.html")
    assert "<script>alert(1)</script>" in page.text and "Title <b>" in page.text and "license: x" not in page.text
    assert not page.all("b") and not [a for a in page.all("a") if "javascript" in str(a.get("href"))]
    assert not [tag for tag, attributes in page.tags if "style" in attributes] and page.all("td")


def test_schema_is_published(build: Callable[[], Path], task: Task) -> None:
    schema = json.loads((build() / "schema" / "submission.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    said = describe(task, "schnet").model_dump(mode="json")
    jsonschema.validate(said, schema)
    for field, value in (("code", 3), ("training_overlap", "labels"), ("further", 1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(said | {field: value}, schema)


def test_vendored_files_are_what_their_authors_published() -> None:
    said = (CHARTS.parent / "README.md").read_text()
    for file in CHARTS.glob("*.js"):
        assert sha256_of_file(file) in said, file


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


def test_bars_stand_in_the_order_of_their_scores(submit: Submit, build: Callable[[], Path]) -> None:
    """Also where a baseline is ahead of an entry that shares its place."""
    for model, error in (("mean", 0.029), ("schnet", 0.03), ("cluster-expansion", 0.4)):
        submit(model, error=error)
    text = (build() / "index.html").read_text()
    bars = re.findall(r'<th scope="row" title="([^"]*)">', text)
    scores = [float(s) for s in re.findall(r'</svg></td><td class="number">([\d.]+)</td>', text)]
    assert len(bars) == 3 and scores == sorted(scores)
    assert re.findall(r'data-key="relative_rank"[^>]*aria-sort="(\w+)"', text) == ["ascending"]


def test_a_task_left_out_counts_as_the_last_place(submit: Submit, tmp_path: Path, dataset: Dataset, task: Task) -> None:
    low = make_task("lno-low", split="low-lithium", kind="extrapolation", title="To low lithium content")
    submit("picky", error=0.001)
    for where in (task, low):
        submit("steady", error=0.01, task=where)
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task, low]) == []
    text = (tmp_path / "site" / "index.html").read_text()
    rows = re.findall(r'models/(\w+)\.html.*?<span class="value">([\d.]+)</span>', text, re.DOTALL)
    assert rows == [("picky", "0.75"), ("steady", "1.00")]


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
        own = [f"{root}assets/{name}" for name in ("site.js", "chart.umd.min.js", "plots.js", "viewer.js")]
        for script in page.all("script"):
            assert script.get("src") in own or (script["type"] == "application/json" and "src" not in script)
        for tag, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on") or name in {"style", "srcdoc"}], tag
            assert tag not in {"iframe", "object", "embed", "base", "form", "style"}
        for attributes in page.all("a"):
            address = attributes["href"] or ""
            if ":" in address:
                assert address.startswith(("https://example.org/", "https://doi.org/"))
                assert attributes["rel"] == "noopener noreferrer nofollow"
        assert all((a.get("src") or "").startswith(f"{root}figures/") for a in page.all("img"))
        assert not any(mark in script for script in page.scripts.values() for mark in "<>&'")
        policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None and policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "'\"49" not in page.text and "'\"49" not in "".join(page.scripts.values())


def test_templates_never_switch_escaping_off() -> None:
    for path in TEMPLATES.glob("*.j2"):
        text = path.read_text()
        assert "|safe" not in text.replace(" ", "") and "autoescape" not in text, path.name


def test_links_within_the_site_lead_somewhere(submit: Submit, build: Callable[[], Path]) -> None:
    submit()
    pages = {path: Page(path) for path in sorted(build().rglob("*.html"))}
    for path, page in pages.items():
        for attributes in page.all("a") + page.all("link") + page.all("script"):
            address, _, fragment = (attributes.get("href") or attributes.get("src") or "").partition("#")
            if "://" not in address:
                target = (path.parent / address).resolve() if address else path
                assert target.is_file(), attributes
                assert not fragment or fragment in {a["id"] for _, a in pages[target].tags if "id" in a}


def test_same_input_gives_same_bytes(submit: Submit, build: Callable[[], Path]) -> None:
    submit("schnet")
    submit("mean", error=-1)
    first = {p: p.read_bytes() for p in build().rglob("*") if p.is_file()}
    assert first == {p: p.read_bytes() for p in build().rglob("*") if p.is_file()}


def test_refused_submission_is_left_out_and_reported(
    submit: Submit, tmp_path: Path, dataset: Dataset, task: Task
) -> None:
    submit("good")
    (submit("broken") / "more").write_text("")
    problems = build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task])
    assert len(problems) == 1 and "broken" in str(problems[0])
    assert "Broken" not in (tmp_path / "site" / "tasks" / "lno-energy.html").read_text()


def test_submissions_to_other_tasks_are_left_alone(
    submit: Submit, tmp_path: Path, dataset: Dataset, task: Task
) -> None:
    submit("schnet")
    submit("mean", error=-1, task=make_task("lno-other", title="Another"))
    given = (tmp_path / "submissions", {task.dataset: dataset}, [task])
    assert build_site(tmp_path / "site", *given, left_alone=["lno-other"]) == []
    assert {path.name for path in (tmp_path / "site" / "tasks").glob("*.html")} == {"lno-energy.html"}
    assert len(build_site(tmp_path / "site", *given)) == 1


def test_foreign_folder_is_not_replaced(tmp_path: Path, dataset: Dataset, task: Task) -> None:
    precious = tmp_path / "thesis" / "chapter.tex"
    precious.parent.mkdir()
    precious.write_text("x")
    with pytest.raises(InputError, match="exists and is not a leaderboard"):
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


def test_a_spread_that_is_only_rounding_is_none() -> None:
    assert spread(Score({0: 0.5}, {"a": 0.5, "b": 0.5 + 1e-16}), 3) == "" == spread(Score({0: 0.5}), 3)
    assert spread(Score({0: 0.4, 1: 0.6}), 2) == "± 0.14"


def test_numbers() -> None:
    assert (fixed(-0.00001, 2), fixed(-1.5, 1), fixed(float("nan"), 3)) == ("0.00", "−1.5", "–")
    assert (column_decimals([0.0173, 0.5]), column_decimals([0.0082]), column_decimals([])) == (4, 4, 2)
    assert (seconds(0), seconds(0.0001), seconds(0.04567), seconds(3.2), seconds(45.67), seconds(1234.5)) == (
        *("0", "< 0.001", "0.046", "3.20", "45.7", "1234"),
    )
    assert whole(1234567) == "1\u202f234\u202f567" and whole(None) == "–"


def test_an_unverified_dataset_bears_a_badge(dataset: Dataset, task: Task, tmp_path: Path) -> None:
    (tmp_path / "submissions").mkdir()
    named = dataset.manifest | {"unverified": ["parent lno-cathode", "scheme <b>"]}
    for manifest, expected in ((dataset.manifest, (0, 0)), (named, (2, 1))):
        folder = tmp_path / f"site{expected[1]}"
        data = Dataset(dataset.folder, manifest)
        assert build_site(folder, tmp_path / "submissions", {task.dataset: data}, [task]) == []
        pages = (Page(folder / "index.html"), Page(folder / "tasks" / f"{task.name}.html"))
        for page, count in zip(pages, expected, strict=True):
            badges = [a for a in page.all("span") if a.get("class") == "badge unverified"]
            assert len(badges) == count and not page.all("b")
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
