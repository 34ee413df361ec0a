"""A zero-shot model on labels by its own engine."""

from __future__ import annotations

from pathlib import Path

from matbench_defects.evaluation.task import load_task
from matbench_defects.leaderboard.scoring import collect_standings
from matbench_defects.leaderboard.views import models_table, task_view
from matbench_defects.shipped import shipped_tasks


def test_energies_of_the_engine_that_made_the_labels_are_shown_and_not_ranked(lno):
    task = load_task("lno-formation-energy")
    root = Path(__file__).resolve().parents[2] / "leaderboard" / "submissions"
    entries = collect_standings(root, [task], {task.dataset: lno}, left_alone=shipped_tasks()).by_task[task.name]
    own = [entry for entry in entries if entry.own]
    assert [entry.checked.submission.model for entry in own] == ["sevennet-zero-shot"]  # chgnet made other labels
    assert own[0].rank == 0 and own[0].place == "–" and entries[-1] is own[0]
    assert all(entry.rank for entry in entries if not entry.own) and entries[0].rank == 1
    view = task_view(task, lno, entries)
    ranks = [row.rank for row in models_table([view]).rows]
    assert len(ranks) == len(entries) - 1
    assert "sevennet-zero-shot" not in {row.name for row in models_table([view]).rows}
