"""Every way in which a submission is refused, and that the message says where and how to mend it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaderboard_samples import make_task, predict

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import Dataset
from matbench_defects.errors import InputError
from matbench_defects.evaluation.scoring import predictions_schema
from matbench_defects.evaluation.task import Task
from matbench_defects.leaderboard.checking import check_submission

Submit = Callable[..., Path]


def refusal(folder: Path, task: Task, dataset: Dataset) -> InputError:
    with pytest.raises(InputError) as caught:
        check_submission(folder, task, dataset)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    return caught.value


def change(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    field = table.schema.field(column).with_nullable(True)
    return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))


def test_good_one_passes(submit: Submit, task: Task, dataset: Dataset) -> None:
    checked = check_submission(submit(), task, dataset)
    assert checked.submission.model == "schnet"
    assert checked.predictions.num_rows == len(task.seeds) * 20
    assert checked.predictions["id"].to_pylist() == sorted(checked.predictions["id"].to_pylist()[:20]) * 3


def test_row_order_does_not_matter(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    mixed = table.take(np.random.default_rng(0).permutation(len(table)))
    straight = check_submission(submit("straight", predictions=table), task, dataset)
    shuffled = check_submission(submit("shuffled", predictions=mixed), task, dataset)
    assert straight.predictions.equals(shuffled.predictions)


def test_deviation_is_accepted(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    table = table.set_column(3, table.schema.field(3), pa.array(np.full(len(table), 0.1)))
    assert check_submission(submit(predictions=table), task, dataset).predictions["deviation"].null_count == 0


# The folder


def test_relative_path_is_accepted(submit: Submit, task: Task, dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.chdir(submit())
    assert check_submission(".", task, dataset).submission.model == "schnet"


def test_missing_folder(tmp_path: Path, task: Task, dataset: Dataset) -> None:
    assert "missing" in str(refusal(tmp_path / task.name / "nothing", task, dataset))


def test_missing_file(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    (folder / "predictions.parquet").unlink()
    assert "has no predictions.parquet" in str(refusal(folder, task, dataset))


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "model.pt", "evil\n::error::x", "\x1b[31mred"])
def test_further_file(submit: Submit, task: Task, dataset: Dataset, name: str) -> None:
    folder = submit()
    (folder / name).write_text("x")
    message = str(refusal(folder, task, dataset))
    assert "nothing else" in message and "remove it" in message and "\x1b" not in message


def test_further_folder(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    (folder / "more").mkdir()
    assert "'more'" in str(refusal(folder, task, dataset))


@pytest.mark.parametrize("name", ["submission.yaml", "predictions.parquet"])
def test_linked_file(submit: Submit, task: Task, dataset: Dataset, tmp_path: Path, name: str) -> None:
    folder = submit()
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    error = refusal(folder, task, dataset)
    assert error.file == str(folder / name) and "symbolic link" in error.message


def test_linked_folders(submit: Submit, task: Task, dataset: Dataset, tmp_path: Path) -> None:
    folder = submit()
    (folder.parent / "linked").symlink_to(folder)
    assert "symbolic link" in str(refusal(folder.parent / "linked", task, dataset))
    (tmp_path / task.name).symlink_to(folder.parent)
    assert "symbolic link" in str(refusal(tmp_path / task.name / folder.name, task, dataset))


def test_pipe_is_not_opened(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    (folder / "submission.yaml").unlink()
    os.mkfifo(folder / "submission.yaml")
    assert "special file" in str(refusal(folder, task, dataset))


@pytest.mark.parametrize(("name", "size"), [("submission.yaml", 64_001), ("predictions.parquet", 20_000_001)])
def test_large_file_is_not_read(submit: Submit, task: Task, dataset: Dataset, name: str, size: int) -> None:
    folder = submit()
    os.truncate(folder / name, size)
    message = str(refusal(folder, task, dataset))
    assert f"{size} bytes; at most {size - 1}" in message


@pytest.mark.parametrize("name", ["SchNet", "a b", "-x", "a.b", "x" * 64])
def test_folder_name(submit: Submit, task: Task, dataset: Dataset, name: str) -> None:
    folder = submit()
    assert "no model's name" in str(refusal(folder.rename(folder.parent / name), task, dataset))


def test_folder_of_another_name(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    error = refusal(folder.rename(folder.parent / "other"), task, dataset)
    assert (error.field, error.line) == ("model", 3) and "its folder is called 'other'" in error.message


def test_folder_of_another_task(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    elsewhere = folder.parent.rename(folder.parent.parent / "elsewhere")
    assert f"move it to {task.name}/schnet/" in str(refusal(elsewhere / "schnet", task, dataset))


# submission.yaml


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ('task: "lno-energy"', 'task: "other"', "task", "must agree"),
        ("@1.0.0", "@1.0.1", "dataset", "the task is about 'lno-cathode@1.0.0'"),
        ("title: ", "titel: x\ntitle: ", "titel", "did you mean 'title'"),
        ("seeds: [0, 1, 2]", "seeds: [0, 1]", "seeds", "the task asks for [0, 1, 2]"),
        ("seeds: [0, 1, 2]", "seeds: [0, 1, 2, 2]", "seeds", "twice"),
        ("seeds: [0, 1, 2]", "seeds: [true, 1, 2]", "seeds", "valid integer"),
        ("https://example.org/code", "javascript:alert(1)", "code", "begins with https://"),
        ("https://example.org/code", "https://user@example.org/", "code", "begins with https://"),
        ("https://example.org/code", "https://", "code", "begins with https://"),
        ('"10.1000/xyz123"', '"ftp://example.org/x"', "paper", "DOI"),
        ("Ada Lovelace", "Ada\\u202eecalevoL", "authors", "U+202E"),
        ("Ada Lovelace", "Ada\\nLovelace", "authors", "U+000A"),
        ("Ada Lovelace", " ", "authors", "empty"),
        ("Ada Lovelace", "A" * 121, "authors", "at most 120"),
        ("train_seconds: 12.3", "train_seconds: -1", "cost.train_seconds", "greater than or equal to 0"),
        ("train_seconds: 12.3", "train_seconds: .inf", "cost.train_seconds", "finite"),
        ("parameters: 123456", "parameters: 1.5", "cost.parameters", "integer"),
        ('version: "0.1.0"', 'version: "<b>"', "version", "pattern"),
        ("title: ", "baseline: true\ntitle: ", "baseline", "unknown field"),
        ("title: ", "title: x\ntitle: ", None, "given twice"),
        ("title: ", "title: &a x\nother: ", None, "anchors"),
        ("title: ", "title: !!python/object/apply:os.system [x]\nother: ", None, "tag"),
    ],
)
def test_field(submit: Submit, task: Task, dataset: Dataset, old: str, new: str, field: str | None, words: str) -> None:
    path = submit() / "submission.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    error = refusal(path.parent, task, dataset)
    assert error.file == str(path) and error.line is not None
    assert words in error.message
    assert field is None or (error.field or "").startswith(field)


def test_missing_field(submit: Submit, task: Task, dataset: Dataset) -> None:
    path = submit() / "submission.yaml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("license")))
    error = refusal(path.parent, task, dataset)
    assert (error.field, error.message) == ("license", "is missing")


# predictions.parquet


@pytest.mark.parametrize(
    ("column", "row", "value", "words"),
    [
        ("prediction", 6, float("nan"), "row 7 ("),
        ("prediction", 6, float("inf"), "is inf; give a finite number"),
        ("prediction", 6, None, "row 7 is empty"),
        ("prediction", 6, 1e300, "the labels lie between"),
        ("id", 6, "another:id:0", "row 7 holds 'another:id:0', which is no test id of lno-energy"),
        ("id", 6, None, "row 7 is empty"),
        ("id", 6, "\x1b[31m\n::error::", "row 7 holds '\\x1b[31m\\n::error::'"),
        ("id", 6, "x" * 1000, "an id of 1000 characters"),
        ("seed", 6, 9, "row 7 holds the seed 9; submission.yaml names [0, 1, 2]"),
        ("seed", 6, 1, "first in row 7); keep one of them"),
        ("deviation", 6, 0.1, "in every row or in none"),
    ],
)
def test_value(submit: Submit, task: Task, dataset: Dataset, column: str, row: int, value: object, words: str) -> None:
    folder = submit(predictions=change(predict(task, dataset), column, row, value))
    error = refusal(folder, task, dataset)
    assert error.file == str(folder / "predictions.parquet")
    assert words in error.message


def test_negative_deviation(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    table = table.set_column(3, table.schema.field(3), pa.array([0.1] * 4 + [-0.1] * (len(table) - 4)))
    error = refusal(submit(predictions=table), task, dataset)
    assert error.field == "deviation" and "row 5 (" in error.message and "zero or larger" in error.message


def test_missing_row(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    error = refusal(submit(predictions=pa.concat_tables([table[:25], table[26:]])), task, dataset)
    assert f"'{table['id'][25].as_py()}' has no prediction of seed 1 (1 missing" in error.message


def test_repeated_rows(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    error = refusal(submit(predictions=pa.concat_tables([table, table[:1]])), task, dataset)
    assert "row 61 repeats" in error.message and "first in row 1" in error.message


def test_far_too_many_rows_are_not_read(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    error = refusal(submit(predictions=pa.concat_tables([table] * 1000)), task, dataset)
    assert "has 60000 rows; 60 were expected" in error.message


def test_long_id_behind_a_dictionary_is_not_unpacked(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    folder = submit(predictions=table.set_column(0, table.schema.field(0), pa.array(["x" * 10**7] * len(table))))
    before = pa.default_memory_pool().max_memory()
    assert "an id of 10000000 characters" in str(refusal(folder, task, dataset))
    assert pa.default_memory_pool().max_memory() - before < 2e8


def test_other_compression(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    pq.write_table(predict(task, dataset), folder / "predictions.parquet", compression="zstd")
    assert "compression='snappy'" in str(refusal(folder, task, dataset))


def test_other_encoding(submit: Submit, task: Task, dataset: Dataset) -> None:
    folder = submit()
    encoding = {"id": "DELTA_BYTE_ARRAY", "seed": "PLAIN", "prediction": "PLAIN", "deviation": "PLAIN"}
    table = predict(task, dataset)
    pq.write_table(table, folder / "predictions.parquet", use_dictionary=False, column_encoding=encoding)
    assert "uses the encoding DELTA_BYTE_ARRAY" in str(refusal(folder, task, dataset))


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (Quantity("meV", per="formula unit", reference="LiNiO2 and NiO2"), "holds meV per formula unit"),
        (Quantity("eV", per="atom", reference="LiNiO2 and NiO2"), "holds eV per atom"),
        (Quantity("eV", per="formula unit", reference="the elements"), "relative to the elements"),
        (None, "states no unit"),
    ],
)
def test_unit(submit: Submit, task: Task, dataset: Dataset, quantity: Quantity | None, words: str) -> None:
    table = predict(task, dataset)
    schema = table.schema.remove_metadata() if quantity is None else predictions_schema(quantity)
    if quantity is None:
        schema = pa.schema([field.remove_metadata() for field in schema])
    error = refusal(submit(predictions=table.cast(schema)), task, dataset)
    assert error.field == "prediction" and words in error.message and "predictions_schema" in error.message


def test_columns(submit: Submit, task: Task, dataset: Dataset) -> None:
    table = predict(task, dataset)
    message = str(refusal(submit("fewer", predictions=table.drop_columns(["deviation"])), task, dataset))
    assert "id, seed, prediction, deviation were expected" in message
    strings = pa.array([str(v) for v in table["prediction"].to_pylist()])
    field = table.schema.field("prediction").with_type(pa.string())
    error = refusal(submit("strings", predictions=table.set_column(2, field, strings)), task, dataset)
    assert error.field == "prediction" and "write it as double" in error.message


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1", b"id,seed\n"])
def test_no_parquet(submit: Submit, task: Task, dataset: Dataset, content: bytes) -> None:
    folder = submit()
    (folder / "predictions.parquet").write_bytes(content)
    assert re.search("is no Parquet file|is a Parquet file whose end is missing", str(refusal(folder, task, dataset)))


def test_damaged_parquet(submit: Submit, task: Task, dataset: Dataset) -> None:
    path = submit() / "predictions.parquet"
    whole = path.read_bytes()
    damage = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for place in damage.integers(4, len(whole) - 8, size=4):
            content[place] = damage.integers(256)
        path.write_bytes(bytes(content))
        with contextlib.suppress(InputError):
            check_submission(path.parent, task, dataset)


# Plausibility


def test_copy_of_the_labels(submit: Submit, task: Task, dataset: Dataset) -> None:
    for error in (0.0, 1e-6):
        folder = submit(f"copy-{error:.0f}{error > 0}".lower(), error=error)
        assert "are the labels of lno-cathode@1.0.0 themselves" in str(refusal(folder, task, dataset))


def test_constant_only_for_baselines(submit: Submit, task: Task, dataset: Dataset) -> None:
    assert check_submission(submit("mean", error=-1), task, dataset).submission.model == "mean"
    assert "are one constant, 0; only a baseline of the task (mean, cluster-expansion)" in str(
        refusal(submit("lazy", error=-1), task, dataset)
    )


def test_other_tasks_ids(submit: Submit, task: Task, dataset: Dataset) -> None:
    other = make_task("lno-low", split="low-lithium", kind="extrapolation")
    error = refusal(submit(predictions=predict(other, dataset)), task, dataset)
    assert "has 144 rows; 60 were expected" in error.message or "is no test id" in error.message
