"""What a submission may say, it says as text: in a browser nothing of it runs, and no page asks anything elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import CHROMIUM, REASON, browse, said, serve
from leaderboard_samples import describe, place, predict
from site_page import Page

from matbench_defects.dataset.reading import Dataset
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.site import build_site

TEXTS = [
    "<script>window.hacked=1;alert(1)</script>",
    '<img src=x onerror="window.hacked=1;alert(1)">',
    "</script><script>window.hacked=1</script>",
    "</canvas></td></table><svg onload=window.hacked=1>",
    "'\"><iframe srcdoc='<script>parent.hacked=1</script>'>",
    "<!--<script>window.hacked=1//-->",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "${window.hacked=1}`;window.hacked=1;//",
    "<link rel=stylesheet href=https://evil.org/x.css><meta http-equiv=refresh content='0;url=https://evil.org'>",
    "&lt;b&gt; &#106;avascript: ]]> \\u003cscript\\u003e \\",
    "__proto__ constructor toString",
]
LINKS = [
    "https://example.org/?a=%22%3E%3Cscript%3Ewindow.hacked=1%3C/script%3E",
    "https://example.org/#javascript:window.hacked=1",
    "https://example.org/a&b;c=(d)|{e}",
]
DRIVER = """<!DOCTYPE html><title>driver</title><iframe width="1100" height="800"></iframe><pre id="said"></pre>
<script>
const frame = document.querySelector("iframe"), pages = PAGES;
const say = (...words) => document.getElementById("said").append(words.join(" ") + "\\n");
(async () => {
  for (const page of pages) {
    await new Promise((done) => { frame.onload = done; frame.src = page; });
    const window_ = frame.contentWindow, inside = frame.contentDocument;
    for (const box of inside.querySelectorAll("input[type=checkbox]")) box.click();
    for (const button of inside.querySelectorAll("th button")) button.click();
    for (const details of inside.querySelectorAll("details")) details.open = true;
    await new Promise((done) => setTimeout(done, 50));
    const asked = window_.performance.getEntriesByType("resource").map((one) => one.name);
    const elsewhere = asked.filter((name) => !name.startsWith(location.origin));
    const stayed = window_.location.pathname === "/" + page;
    say(page, String(window_.hacked), String(window.hacked), elsewhere.length, stayed);
  }
})().catch((error) => say("failed", error)).finally(() => say("end"));
</script>
"""


@pytest.fixture
def site(tmp_path: Path, task: Task, dataset: Dataset) -> Path:
    for i, text in enumerate(TEXTS):
        words = dict.fromkeys(("title", "description", "training_data", "hardware"), text[:120])
        link = LINKS[i % len(LINKS)]
        submission = describe(task, f"hostile-{i}", **words, authors=[text[:120]], code=link, paper=link)
        place(tmp_path / "submissions", submission, predict(task, dataset, 0.01 * (i + 1), seed=i))
    assert build_site(tmp_path / "site", tmp_path / "submissions", {task.dataset: dataset}, [task]) == []
    return tmp_path / "site"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=REASON)
def test_nothing_of_a_submission_runs(site: Path, tmp_path: Path) -> None:
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    assert len(pages) == len(TEXTS) + 3
    (site / "driver.html").write_text(DRIVER.replace("PAGES", str(pages)))
    with serve(site) as (address, asked):
        dom, console = browse(f"{address}/driver.html", tmp_path / "profile")
    assert said(dom) == [*(f"{page} undefined undefined 0 true" for page in pages), "end"]
    assert console == ""
    assert [line for line in asked if not line.endswith((" 200", " 304")) and "favicon" not in line] == []


def test_texts_stand_as_they_were_given(site: Path) -> None:
    for i, text in enumerate(TEXTS):
        page = Page(site / "models" / f"hostile-{i}.html")
        assert page.text.count(text[:120]) >= 4, text
        links = [a for a in page.all("a") if (a["href"] or "").startswith("https://example.org")]
        assert [a["href"] for a in links] == [LINKS[i % len(LINKS)]] * 2
    titles = [entry["title"] for entry in Page(site / "tasks" / "lno-energy.html").data("plot-data")["entries"]]
    assert sorted(titles) == sorted(text[:120] for text in TEXTS)
