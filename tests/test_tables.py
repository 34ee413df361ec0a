"""Tables in the terminal."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from matbench_defects.terminal import show_table

WORDS = st.text("abcdefgh", min_size=1, max_size=9)
VALUES = st.sampled_from(["0.5", "1,234,567", "0.00134 ± 0.00022", "-", "a:b"])


def _lines(width: int, heads: list[str], rows: list[list[str]], **options) -> list[str]:
    stream = io.StringIO()
    show_table(Console(file=stream, width=width), heads, rows, **options)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@given(st.data(), st.integers(40, 200), st.integers(1, 12), st.integers(0, 4))
def test_every_value_stands_whole_within_the_width(data, width, columns, count):
    heads = ["model", *(" ".join(data.draw(st.lists(WORDS, min_size=1, max_size=4))) for _ in range(columns))]
    rows = [[f"model-{i}", *(data.draw(VALUES) for _ in range(columns))] for i in range(count)]
    lines = _lines(width, heads, rows)
    assert max(map(len, lines)) <= width
    for row in rows:
        of_row = "  ".join(line for line in lines if line.startswith(f"{row[0]} "))
        assert of_row.replace(row[0], "").split() == " ".join(row[1:]).split()
        shown = [line for line in lines if line.startswith(f"{row[0]} ")]
        assert all(any(value in line for line in shown) for value in row[1:])
    assert "…" not in "".join(lines)


def test_a_wide_console_has_one_table():
    lines = _lines(200, ["model", "mean error", "train s"], [["a", "0.1", "2"], ["b", "0.25", "10"]])
    assert lines == ["model  mean error  train s", "a             0.1        2", "b            0.25       10"]


def test_heads_are_broken_before_columns_go_below():
    heads, rows = ["model", "mean error", "train s"], [["a", "0.1", "2"]]
    assert _lines(23, heads, rows) == ["        mean", "model  error  train s", "a        0.1        2"]
    assert _lines(19, heads, rows) == ["        mean  train", "model  error      s", "a        0.1      2"]
    assert _lines(18, heads, rows) == ["model  mean error", "a             0.1", "", "model  train s", "a            2"]


def test_text_is_broken_between_words():
    lines = _lines(24, ["result", "tied with"], [["a", "cluster, composition"]], texts=["tied with"])
    assert lines == ["result  tied with", "a       cluster,", "        composition"]


def test_markup_in_a_value_is_text():
    assert _lines(80, ["id", "value"], [["[red]x", "1"]])[1] == "[red]x      1"
