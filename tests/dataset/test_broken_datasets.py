"""Datasets that someone cut, mixed or changed: refused with the file and what is wrong with it."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from matbench_defects.columns import Quantity
from matbench_defects.dataset.reading import manifest_digest, open_dataset
from matbench_defects.errors import InputError
from matbench_defects.files import sha256_of_file
from matbench_defects.models.rows import Background, Rows

TRAIN = "data/structures/train.parquet"


@pytest.fixture
def copy(lno, tmp_path):
    return open_dataset(shutil.copytree(lno.folder, tmp_path / "copy"))


def rewritten(dataset, change):
    """Change a table, and let the manifest list it as it is now: only what it holds is wrong."""
    for name in dataset.manifest["files"]:
        if name.startswith("data/structures/"):
            path = dataset.folder / name
            pq.write_table(change(pq.read_table(path)), path)
            dataset.manifest["files"][name] = sha256_of_file(path)
    manifest = dataset.manifest
    (dataset.folder / "manifest.json").write_text(json.dumps(manifest | {"digest": manifest_digest(manifest)}))
    return open_dataset(dataset.folder, verify=False)  # the card tells that the content is another


def test_a_truncated_file(copy):
    path = copy.folder / TRAIN
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError) as caught:
        open_dataset(copy.folder)
    assert str(caught.value) == f"{path}: is not the file that manifest.json lists (its SHA-256 differs)"
    for size in (0, 7, 1000):  # where digests are not compared
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError, match=r"train\.parquet: cannot be read as Parquet: ") as caught:
            _ = open_dataset(copy.folder, verify=False).structures
        assert str(caught.value).isprintable()


def test_the_manifest_of_another_dataset(copy, lno):
    other = json.loads((copy.folder / "manifest.json").read_text())
    other["name"] = "nca-cathode"
    other["files"] = {name.replace("lno", "nca"): digest[::-1] for name, digest in other["files"].items()}
    (copy.folder / "manifest.json").write_text(json.dumps(other | {"digest": manifest_digest(other)}))
    with pytest.raises(InputError, match=r": is (missing; build or download|not the file that manifest.json lists)"):
        open_dataset(copy.folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read: Expecting value"),
        ("[]", "is not a manifest of format 1"),
        ('{"format": 2}', "is not a manifest of format 1"),
        ('{"format": 1}', "name: is missing, or is not what `build` writes there"),
        ('{"format": 1, "name": "a", "version": "1.0.0", "files": []}', "files: is missing, or is not what"),
        ("[" * 100_000, "cannot be read: "),
        ("\x00", "cannot be read: Expecting value"),
    ],
)
def test_a_manifest_that_is_none(copy, text, message):
    (copy.folder / "manifest.json").write_text(text)
    with pytest.raises(InputError) as caught:
        open_dataset(copy.folder)
    assert caught.value.file == str(copy.folder / "manifest.json")
    assert message in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("column", ["id", "split_random", "formation_energy"])
def test_a_missing_column(copy, column):
    dataset = rewritten(copy, lambda table: table.drop_columns([column]))
    with pytest.raises(InputError, match=rf"\.parquet: lacks the columns {column}$"):
        _ = dataset.structures


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ("lattice_vectors", None, r"^the dataset's structures lack the columns lattice_vectors; build or download it"),
        ("species_at_sites", pa.string(), r"hold string in the column species_at_sites, but list<item: string> was e"),
        ("occupation", pa.string(), r"structures hold string in the column occupation, but binary was expected; build"),
    ],
)
def test_structures_that_no_model_can_read(copy, column, kind, message):
    def change(table):
        at = table.schema.get_field_index(column)
        return (
            table.remove_column(at)
            if kind is None
            else table.set_column(at, pa.field(column, kind), pa.array(["x"] * len(table)))
        )

    dataset = rewritten(copy, change)
    background = Background(dataset.spec, "formation_energy", dataset.quantity("formation_energy"))
    with pytest.raises(InputError, match=message):
        Rows.of(dataset.structures, background)


def test_another_unit(copy):
    quantity = copy.quantity("formation_energy")
    for found, shown in ((Quantity("meV", quantity.per, quantity.reference), "meV"), (None, "states no unit")):
        field = pa.field("formation_energy", pa.float64()) if found is None else found.field("formation_energy")
        dataset = rewritten(
            copy,
            lambda table, field=field: table.set_column(
                table.schema.get_field_index("formation_energy"), field, table["formation_energy"]
            ),
        )
        with pytest.raises(InputError, match=rf"formation_energy: the column .*{shown}.* was expected"):
            dataset.quantity("formation_energy")


def test_files_of_two_datasets(copy):
    path = copy.folder / TRAIN
    pq.write_table(pq.read_table(path).append_column("more", pa.nulls(pq.read_metadata(path).num_rows)), path)
    with pytest.raises(InputError, match=r"train\.parquet: has other columns than the files beside it"):
        _ = open_dataset(copy.folder, verify=False).structures


def test_no_table_at_all(copy):
    manifest = copy.manifest | {"files": {}}
    (copy.folder / "manifest.json").write_text(json.dumps(manifest | {"digest": manifest_digest(manifest)}))
    with pytest.raises(InputError, match="lists no Parquet file in data/structures/"):
        _ = open_dataset(copy.folder, verify=False).structures
