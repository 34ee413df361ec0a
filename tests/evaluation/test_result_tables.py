"""One table of results: every renderer says the same of a value, a unit and what is better."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from rich.console import Console

from matbench_defects.cli.options import say
from matbench_defects.columns import Quantity
from matbench_defects.csv_text import csv_text, without_formula
from matbench_defects.evaluation.metrics import metrics
from matbench_defects.evaluation.scoring import Score, rows_in_words
from matbench_defects.evaluation.tables.markdown import markdown
from matbench_defects.evaluation.tables.table import Column, Measured, ResultTable, Row, score_cells, task_table
from matbench_defects.terminal import show_table

ENERGY = Quantity("eV", "atom")
COST = {"train_seconds": 3.2, "predict_seconds": 0.0, "structures": 7, "parameters": 12345, "device": "cpu"}
COSTS = ("train_seconds", "predict_seconds", "rate", "parameters", "peak_memory_bytes", "device")


def score(*values):
    return Score(dict(enumerate(values)))


def table(**options):
    measures = [metrics.get(name) for name in ("mae", "spearman", "nll")]
    measured = [
        Measured("a", "A | b", {"mae": score(0.02, 0.03), "spearman": score(0.9), "nll": score(math.nan)}, COST),
        Measured("c", "<b>", {"mae": score(0.0251), "spearman": score(-0.95), "nll": score(-2.0)}, COST, tied=True),
        Measured("d", "D", {"mae": score(0.5)}, COST | {"predict_seconds": 0.5, "peak_memory_bytes": 2**21}),
    ]
    return task_table(measures, ENERGY, measured, costs=COSTS, **options)


@pytest.mark.parametrize(
    ("name", "arrow", "unit"),
    [("mae", "↓", "eV per atom"), ("r2", "↑", ""), ("nll", "↓", "nat"), ("regret_1", "↓", "eV per atom")],
)
def test_a_metric_says_its_arrow_and_unit(name, arrow, unit):
    metric = metrics.get(name)
    assert (metric.arrow, metric.unit_for(ENERGY)) == (arrow, unit)
    assert metric.unit_for(Quantity("1")) == (unit if metric.unit else "")
    column = Column(name, metric.title, metric.unit_for(ENERGY), metric.direction)
    assert column.arrow == arrow and column.head() == f"{metric.title} {arrow}{f' ({unit})' if unit else ''}"
    assert column.head("eV per atom") == f"{metric.title} {arrow}{' (nat)' if unit == 'nat' else ''}"


def test_values_sort_from_best_to_undefined():
    values = [0.5, math.nan, -1.0, 2.0, math.inf]
    assert sorted(values, key=metrics.get("mae").sort_key)[:4] == [-1.0, 0.5, 2.0, math.inf]
    assert sorted(values, key=metrics.get("r2").sort_key)[:4] == [math.inf, 2.0, 0.5, -1.0]


def test_the_cells_of_a_metric():
    cells = score_cells(metrics.get("mae"), [score(0.02, 0.03), score(0.0251), None, score(0.5), score(math.nan)], [1])
    assert [str(cell) for cell in cells] == ["0.0250 ± 0.0071", "0.0251 =", "–", "0.5000", "–"]
    assert [cell.sort for cell in cells] == ["0.025", "0.0251", "", "0.5", ""]
    assert [cell.best for cell in cells] == [True, False, False, False, False]
    shares = score_cells(metrics.get("r2"), [score(-0.5), score(0.98765), score(0.9876)])
    assert [(str(cell), cell.best) for cell in shares] == [("−0.500", False), ("0.988", True), ("0.988", True)]


def test_markdown_keeps_to_its_cells():
    lines = markdown(table(unit="eV per atom"), bold_best=True).splitlines()
    assert lines[0] == (
        "| Model | MAE ↓ | Spearman ↑ | NLL ↓ (nat) | Train (s) | Predict (s) | Structures (1/s) | Parameters | "
        "Memory (MiB) | Device |"
    )
    assert lines[1] == f"| --- |{' ---: |' * 8} --- |"
    assert lines[2] == "| A \\| b | **0.0250** | **0.900** | – | 3.20 | 0 | – | 12\u202f345 | – | cpu |"
    assert lines[3].startswith("| <b> | 0.0251 = | −0.950 | **−2.00** |")
    assert lines[4] == "| D | 0.5000 | – | – | 3.20 | 0.500 | 14 | 12\u202f345 | 2 | cpu |"


def test_html_is_text():
    page = table()._repr_html_()
    assert "<th>&lt;b&gt;</th>" in page and "<b>0.0250 ± 0.0071</b>" in page and "MAE ↓ (eV per atom)" in page


def test_a_gap_is_a_column():
    measured = [Measured("a", "A", {"mae": score(0.2)}, gap=1.5), Measured("b", "B", {"mae": score(0.3)}, gap=math.nan)]
    found = task_table([metrics.get("mae")], ENERGY, measured)
    assert found.heads[2] == "Gap in MAE ↓ (×)" and [row[2] for row in found.lines()] == ["1.50", "–"]


def test_csv_holds_no_formula_and_no_undefined_number():
    assert csv_text([["a", 1.5, math.nan, None], ["=1+1", "@x", -2.0, 'say "no"']]) == (
        'a,1.5,,\n\'=1+1,\'@x,-2.0,"say ""no"""\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\ufe661",
        "\ufe631",
        "\u207a1",
        " =1",
        "\t=1",
        "\u3000\uff1d1",
        "\u00a0=1",
        "\n=1",
    ],
)
def test_csv_holds_no_formula_of_any_width(text):
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "a=1", "1-1", "\u2212 5", "Mean", "\uff11", "'=1"])
def test_csv_leaves_other_texts_alone(text):
    assert without_formula(text) == text


def test_a_terminal_is_told_nothing_by_a_title(capsys):
    show_table(Console(width=80), ["Model\x1b[2J", "MAE"], [["a\x1b[31m\nb", "0.1"]])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and r"a\x1b[31m\nb" in shown and r"Model\x1b[2J" in shown
    say("red: \x1b[31m\u202e[bold]\nnext")
    assert capsys.readouterr().out == "red: \\x1b[31m\\u202e[bold]\nnext\n"


def test_a_table_may_be_empty():
    assert markdown(ResultTable("Model", [], [Row("a", "A", [])])) == "| Model |\n| --- |\n| A |\n"


@pytest.mark.parametrize(
    ("count", "head", "text"),
    [
        (2, "Ground state hit, 2 contents ↑", "–"),
        (3, "Ground state hit, 3 contents ↑", "0.500"),
        (20, "Ground state hit ↑", "0.500"),
    ],
)
def test_a_metric_over_few_contents_says_how_many_and_over_fewer_is_a_dash(count, head, text):
    names = ("mae", "ground_state_hit")
    one = Measured("a", "A", {"mae": score(0.02), "ground_state_hit": Score({0: 0.5}, count=count)})
    made = task_table([metrics.get(name) for name in names], ENERGY, [one])
    assert (made.heads[2], made.rows[0].cells[1].text) == (head, text)
    ranking = task_table([metrics.get("ground_state_hit")], ENERGY, [one])
    assert (ranking.heads[1], ranking.rows[0].cells[0].text) == (head, "0.500")


def test_rows_that_are_tested_in_several_fits_count_once():
    rows = pa.table({"id": ["a", "b"] * 3, "fold": ["x", "x", "y", "y", "z", "z"]})
    assert rows_in_words(rows) == "2 test rows, each in 3 fits"
    assert rows_in_words(rows.slice(0, 5)) == "2 test rows, in 3 fits, 5 predictions in all"
    assert rows_in_words(rows.slice(0, 2)) == "2 test rows"
