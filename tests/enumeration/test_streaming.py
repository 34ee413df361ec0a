from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from cases import space_of

from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.enumeration.streaming import read_occupations, write_index
from matbench_defects.spec.spaces import Conditions


@pytest.mark.parametrize("rows", [50, 100_000])
@pytest.mark.parametrize(
    ("parent", "supercell", "sublattices", "more"),
    [
        ("LiNiO2", "[2, 2, 1]", "{Li: {Li: 4..6, vacancy: rest}, Ni: {Ni: rest, Co: 2}}", ""),
        ("KFeO2", "[2, 1, 1]", "{K: {vacancy: 2, K: rest}}", "pathway: {species: K, cutoff: 3.9}"),
        ("LiNiO2", "[1, 1, 1]", "{Li: {Li: 3, vacancy: rest}}", ""),
    ],
)
def test_the_index_holds_what_is_enumerated(tmp_path, rows, parent, supercell, sublattices, more):
    space = space_of(parent, supercell, sublattices, more)
    every = enumerate_configurations(space)
    calls = []
    written = write_index(space, tmp_path / "index.parquet", lambda *a: calls.append(a), rows=rows)
    table = pq.read_table(tmp_path / "index.parquet")
    assert written == len(every) == table.num_rows and calls[-1] == (written, written)
    assert len(calls) > 1 or rows > 50 or written <= 50
    assert table["id"].to_pylist() == every.ids()
    assert (table["multiplicity"].to_numpy() == every.multiplicities).all()
    decoded = []
    for content in space.contents():
        some = table.filter(pc.equal(table["content"].cast("string"), space.content_name(content)))
        decoded.append(read_occupations(space, content, some["placed"]))
    assert (np.concatenate(decoded) == every.occupations).all()


def test_an_index_under_conditions(tmp_path):
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}")
    where = Conditions.model_validate({"symmetry_order": {"at_least": 4}})
    write_index(space, tmp_path / "index.parquet", where=where)
    ids = pq.read_table(tmp_path / "index.parquet")["id"].to_pylist()
    assert ids == enumerate_configurations(space, where=where).ids() and 0 < len(ids) < 87


def test_half_a_file_is_never_seen(tmp_path):
    space = space_of("LiNiO2", "[2, 2, 1]", "{Li: {Li: 0..12, vacancy: rest}}")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_index(space, tmp_path / "index.parquet", stop)
    assert list(tmp_path.iterdir()) == []
