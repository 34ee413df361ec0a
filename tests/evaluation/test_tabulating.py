"""The table of results: scores from predictions, the best first, ties and refusals marked."""

from __future__ import annotations

import contextlib

import pytest

from matbench_defects.errors import InputError, NotServedError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.overview import BEGIN, END, insert
from matbench_defects.evaluation.results import RESULT_FILE
from matbench_defects.evaluation.tabulating import tabulate
from matbench_defects.evaluation.task import load_task

TASK = "lno-formation-energy"


@contextlib.contextmanager
def quiet(title):
    yield lambda done, total: None


@pytest.fixture
def results(lno, tmp_path):
    for model in ("mean", "composition", "cluster-expansion", "ensemble-cluster-expansion"):
        evaluate(load_task(TASK), lno, model, tmp_path, seeds=[0, 1])
    with pytest.raises(NotServedError):
        evaluate(load_task(TASK), lno, "hop-ridge", tmp_path)
    return tmp_path


def cells(markdown):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line.startswith("|")
    ]


def test_a_table_a_task(lno, results):
    found = tabulate(results, dataset=lno.folder)
    assert found.tables == 1 and not found.problems
    heads, _, *rows = cells(found.markdown)
    assert heads[:2] == ["Model", "MAE ↓"] and heads[-2:] == ["Train (s)", "Parameters"]
    assert [row[0] for row in rows][2:4] in (["Composition", "Mean"], ["Mean", "Composition"])
    errors = [float(row[1].split()[0]) for row in rows[:4]]
    assert errors == sorted(errors)
    # The pair expansion and an ensemble of it differ by less than the luck of 17 rows; composition is far off.
    assert [row[1].endswith(" =") for row in rows[:4]] == [False, True, False, False]
    assert "tied with the best in MAE" in found.markdown
    by_title = {row[0]: row for row in rows}
    assert "±" in by_title["Pair cluster expansion, ensemble"][1] and "±" not in by_title["Mean"][1]
    last = rows[-1]
    assert set(last[1:]) == {"–"}
    assert f"- Not served by {last[0]}: lno-cathode holds structures; these descriptors are of pathways." in (
        found.markdown
    )
    assert tabulate(results / TASK, dataset=lno.folder).markdown == found.markdown


def test_what_is_no_result_of_the_task_is_said(lno, results):
    folder = results / TASK
    (folder / "mean" / "predictions.parquet").write_bytes(b"")
    (results / "unknown-task" / "mean").mkdir(parents=True)
    (results / "unknown-task" / "mean" / RESULT_FILE).write_text((folder / "mean" / RESULT_FILE).read_text())
    found = tabulate(results, dataset=lno.folder)
    assert found.tables == 1 and "| Mean |" not in found.markdown
    first, second = map(str, found.problems)
    assert f"{TASK}, mean: " in first and "cannot be read" in first
    assert second.startswith("unknown-task: no task is called")
    with pytest.raises(InputError, match=r"holds no result.json and no refusal.json"):
        tabulate(folder / "composition")


def test_the_overview_has_a_row_a_task(lno, results, tmp_path):
    evaluate(load_task(f"{TASK}-low-lithium"), lno, "mean", results)
    found = tabulate(results, dataset=lno.folder)
    heads, _, first, second = cells(found.overview)
    assert found.markdown.startswith(found.overview)
    # The mean serves both tasks and comes first; what serves none has no column.
    assert heads[:4] == ["Task", "Metric", "Test rows", "`mean`"] and "`hop-ridge`" not in heads
    assert first[:3] == [f"`{TASK}`", "MAE ↓ (eV per formula unit)", "17"]
    best = next(row for row in cells(found.markdown.partition("### ")[2])[2:])
    assert [cell for cell in first if cell.startswith("**")] == [f"**{best[1].split()[0]}**"]
    assert sum(cell.endswith(" =") for cell in first) == 1
    assert second[3].startswith("**") and set(second[4:]) == {"–"}
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(found.overview, page)
    insert(found.overview, page)
    assert page.read_text() == f"before\n{BEGIN}\n{found.overview}{END}\nafter\n"
    page.write_text("before\nafter\n")
    with pytest.raises(InputError, match="has not one line <!-- overview --> with a line"):
        insert(found.overview, page)
