"""Any number of a table as a target: gaps, moments, energies per atom, without any label."""

from __future__ import annotations

import json
import os
from pathlib import Path

import ase
import ase.io
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from matbench_defects.cli.app import app
from matbench_defects.columns import Quantity
from matbench_defects.crystal.building import build_spaces
from matbench_defects.dataset.build import build_dataset
from matbench_defects.dataset.check import check_spec
from matbench_defects.dataset.lock import check_lock, write_lock
from matbench_defects.dataset.plan import plan
from matbench_defects.dataset.reading import open_dataset
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.evaluation.task import load_task
from matbench_defects.spec.loading import load_spec

PILOT = Path(os.environ.get("MATBENCH_DEFECTS_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
SPEC = """
name: alloy
version: 1.0.0
title: Gold in copper
parent: {spacegroup: Fm-3m, lattice: {a: 3.8}, sites: {Cu: [0, 0, 0]}, provenance: {source: a test}}
supercell: [1, 1, 2]
sublattices: {Cu: {Cu: rest, Au: 0..8}}
targets:
  TARGET
splits: {folds: {by: k-fold, folds: 2}}
"""


@pytest.fixture
def rows(tmp_path):
    """Return every configuration, with tables of energies per cell (Parquet) and of gaps (CSV) beside a spec."""
    (tmp_path / "spec.yaml").write_text(SPEC.replace("TARGET", "gap: {quantity: column, file: gaps.csv, unit: eV}"))
    (space,) = build_spaces(load_spec(tmp_path)).values()
    found = list(enumerate_configurations(space))
    schema = pa.schema([pa.field("id", pa.string()), Quantity("eV", "cell").field("energy")])
    energies = [{"id": one.id, "energy": -8.0 - n} for n, one in enumerate(found)]
    pq.write_table(pa.Table.from_pylist(energies, schema=schema), tmp_path / "energies.parquet")
    lines = [f"{one.id},{n / 10 if n else ''}" for n, one in enumerate(found)]
    (tmp_path / "gaps.csv").write_text("\n".join(["id,gap [eV]", *lines]))
    return found


def with_target(folder, text):
    (folder / "spec.yaml").write_text(SPEC.replace("TARGET", text))
    return load_spec(folder)


def test_several_numbers_of_tables_are_targets_and_need_no_label(rows, tmp_path):
    several = """gap: {quantity: column, file: gaps.csv, unit: eV}
  total: {quantity: column, column: energy, file: energies.parquet, unit: eV, per: atom}
  in_cell: {quantity: column, column: energy, file: energies.parquet, unit: eV, per: cell}"""
    dataset = build_dataset(with_target(tmp_path, several), tmp_path / "out")
    number = {one.id: n for n, one in enumerate(rows)}
    for row in dataset.structures.to_pylist():
        n = number[row["id"]]
        assert row["gap"] == (n / 10 if n else None)
        assert (row["in_cell"], row["total"]) == (-8.0 - n, pytest.approx((-8.0 - n) / 8))
    assert dataset.quantity("total").shown_unit == "eV per atom" and dataset.quantity("gap").shown_unit == "eV"
    assert dataset.manifest["targets"]["gap"]["notes"] == [f"The table has none of 1 of {len(rows)} configurations"]
    for file in ("gaps.csv", "energies.parquet"):
        (tmp_path / file).unlink()
    task = {"name": "gaps", "title": "Gaps", "dataset": "alloy@1.0.0", "target": "gap", "split": "folds"}
    (tmp_path / "gaps.yaml").write_text(json.dumps({**task, "kind": "interpolation", "metrics": ["mae"]}))
    asked = ["evaluate", str(tmp_path / "gaps.yaml"), "--dataset", str(tmp_path / "out"), "--out", str(tmp_path / "r")]
    models = ["mean", "composition", "cluster-expansion", "sevennet-zero-shot"]
    result = CliRunner().invoke(app, [*asked, *(f"--model={model}" for model in models)])
    assert result.exit_code == 0, result.output
    assert "gap is a number of a table, which no energy gives" in " ".join(result.output.split())
    assert {path.name for path in (tmp_path / "r" / "gaps").iterdir()} >= set(models[:3])
    assert load_task(str(tmp_path / "gaps.yaml")).target == "gap"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gap: {quantity: column, file: gaps.csv, unit: meV}", "the column 'gap' is in eV, not in meV"),
        ("gap: {quantity: column, file: gaps.csv, unit: eV, per: atom}", "was asked for per atom"),
        ("energy: {quantity: column, file: energies.parquet, unit: eV}", "add `per: cell`"),
        ("gab: {quantity: column, file: gaps.csv, unit: eV}", "no column 'gab'; did you mean 'gap'"),
        ("gap: {quantity: column, file: gap.csv, unit: eV}", "there is no file"),
        ("gap: {quantity: column, unit: eV}", "give the table in `file`"),
        ("gap: {quantity: column, file: gaps.csv, unit: eV, label: dft}", "needs none"),
    ],
)
def test_a_number_of_another_unit_or_place_is_refused(rows, tmp_path, target, said):
    with_target(tmp_path, target)
    with pytest.raises(InputError) as refused:
        check_spec(str(tmp_path))
    assert said in str(refused.value) and "spec.yaml" in str(refused.value)


def test_wrong_rows_of_a_table_are_all_told(rows, tmp_path):
    first = rows[0].id
    (tmp_path / "gaps.csv").write_text(f"id,gap\n{first},1\n{first},2\nx,wide\n")
    with pytest.raises(InputError, match="stands there twice") as refused:
        check_spec(str(tmp_path))
    assert "'wide' is no finite number" in str([refused.value, *refused.value.others])
    (tmp_path / "gaps.csv").write_text("id,gap\nx,1\n")
    with pytest.raises(InputError, match="no 'gap' of any configuration here; its first is of x"):
        build_dataset(load_spec(tmp_path), tmp_path / "out")


def test_a_lock_sees_a_number_that_changed(rows, tmp_path):
    write_lock(plan(load_spec(tmp_path)), tmp_path / "labels")
    again = plan(load_spec(tmp_path))
    assert check_lock(again, None, again.partings()) == []
    text = (tmp_path / "gaps.csv").read_text()
    (tmp_path / "gaps.csv").write_text(text.replace(",0.1", ",0.2", 1))
    changed = plan(load_spec(tmp_path))
    with pytest.raises(InputError, match=r"columns\.gap\.digest"):
        check_lock(changed, None, changed.partings())


def test_columns_are_imported_without_an_energy(rows, tmp_path):
    frames = []
    for n, one in enumerate(rows[:3]):
        frame = one.to_ase()
        frame.info["gap"] = 0.5 * n
        frames.append(ase.Atoms(frame.symbols, frame.positions, cell=frame.cell, pbc=True, info=frame.info))
    ase.io.write(tmp_path / "gaps.extxyz", frames, format="extxyz")
    out = tmp_path / "published.parquet"
    asked = ["import", "extxyz", str(tmp_path / "gaps.extxyz"), "--spec", str(tmp_path / "spec.yaml")]
    result = CliRunner().invoke(app, [*asked, "--out", str(out), "--set", "units={gap: eV}"])
    assert result.exit_code == 0, result.output
    assert pq.read_table(out)["gap"].to_pylist() == [0.0, 0.5, 1.0] and "energy" not in pq.read_schema(out).names
    dataset = build_dataset(
        with_target(tmp_path, "gap: {quantity: column, unit: eV}\nconfigurations: {from: published.parquet}"),
        tmp_path / "out",
    )
    assert sorted(dataset.structures["gap"].to_pylist()) == [0.0, 0.5, 1.0]


GAPS = """
name: mos2-gaps
version: 1.0.0
title: Gaps of defects in MoS2
parent:
  spacegroup: P-6m2
  lattice: {a: 3.1903157, c: 14.879004}
  sites: {Mo: [1/3, 2/3, 0], S: [2/3, 1/3, 0.105174]}
  provenance: {source: the 2DMD repository}
supercell: [8, 8, 1]
sublattices:
  M: {sites: [Mo], species: {vacancy: 0..1, W: 0..1, Mo: rest}}
  X: {sites: [S], species: {vacancy: 0..2, Se: 0..2, S: rest}}
configurations: {from: rows.parquet}
targets:
  gap: {quantity: column, column: homo_lumo_gap_min, unit: eV}
  moment: {quantity: column, column: total_mag, unit: μB, per: cell}
splits: {five: {by: k-fold, folds: 5}}
"""


def test_published_gaps_from_their_files_to_a_table(tmp_path):
    source = PILOT / "2dmd-mos2-pilot"
    if not source.is_dir():
        pytest.skip("the published gaps are not here")
    (tmp_path / "spec.yaml").write_text(GAPS)
    task = {"name": "mos2-gap", "title": "Gaps", "dataset": "mos2-gaps@1.0.0", "target": "gap", "split": "five"}
    more = {"kind": "interpolation", "metrics": ["mae", "rmse"], "seeds": [0]}
    (tmp_path / "mos2-gap.yaml").write_text(json.dumps({**task, **more}))
    here, rows, built = (str(tmp_path / name) for name in ("spec.yaml", "rows.parquet", "built"))
    results, chosen = str(tmp_path / "results"), str(tmp_path / "mos2-gap.yaml")
    models = ["mean", "composition", "cluster-expansion", "defect-ridge", "defect-forest"]
    for command in (
        ["import", "2dmd", str(source), "--spec", here, "--out", rows],
        ["build", here, "--out", built],
        ["evaluate", chosen, "--dataset", built, "--out", results, *(f"--model={model}" for model in models)],
        ["table", results, "--task", chosen, "--dataset", built, "--out", str(tmp_path / "table.md")],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    assert len(open_dataset(built).structures) == 200
    scores = {m: json.loads((tmp_path / "results" / "mos2-gap" / m / "result.json").read_text()) for m in models}
    found = {m: scores[m]["scores"]["mae"]["mean"] for m in models}
    assert found["defect-forest"] < 0.03 < found["composition"] < found["mean"]
    text = (tmp_path / "table.md").read_text()
    assert all(scores[m]["model"]["title"] in text for m in models)
