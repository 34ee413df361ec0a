"""From an empty folder: published, loaded by name in a fresh process, evaluated, submitted, ranked on the site."""

from __future__ import annotations

import json

import pytest

TASK = "lno-formation-energy"


@pytest.mark.slow
def test_the_road_from_the_hub_to_the_leaderboard(hub, lno, command, program, tmp_path):
    def run(*arguments):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("publish", lno.folder, "--repo", "loopback/lno-cathode")
    text = "import matbench_defects\nresult = str(matbench_defects.load_dataset('lno-cathode', '1.0.0').folder)"
    folder = program(text)
    assert folder.startswith(str(tmp_path / "cache"))
    asked = len(hub.requests)
    run("evaluate", TASK, "--model", "mean", "--model", "composition")
    for model in ("mean", "composition"):
        run("submit", f"results/{TASK}/{model}", "--author", "Ada Lovelace", "--out", "submissions")
    run("leaderboard", "build", "--submissions", "submissions", "--out", "site", "--task", TASK)
    built = tmp_path / "cache" / "datasets"
    assert not [*built.glob("lno-cathode*")]  # what was downloaded was used, not built here
    assert len(hub.requests) == asked

    page = (tmp_path / "site" / "tasks" / f"{TASK}.html").read_text()
    entries = json.loads((tmp_path / "site" / "tasks" / f"{TASK}.json").read_text())["entries"]
    ranked = sorted(entries, key=lambda entry: entry["rank"])
    assert [entry["submission"]["model"] for entry in ranked] == ["composition", "mean"]
    assert ranked[0]["scores"]["mae"]["mean"] < ranked[1]["scores"]["mae"]["mean"]
    assert all(entry["submission"]["title"] in page for entry in entries)
    assert (tmp_path / "site" / "index.html").is_file()
