"""One meaning of a spec, from `check` to `import`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from ase.io import write

import matbench_defects as md
from matbench_defects.enumeration.selection import select


def ids_by_every_command(spec: dict, folder: Path, charges: dict[str, int]) -> list[str]:
    """Return the ids of a spec's configurations, on which check, enumerate, label, build, identify and import agree."""
    spec = {**spec, "labels": [{"engine": "ewald", "charges": charges, "background": True}]}
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    loaded = md.load_spec(path)
    ids, frames = [], []
    for space in map(loaded.space, loaded.space_names):
        count = space.count()
        found = list(space.enumerate())
        assert count.inequivalent == len(found) and count.total == sum(one.multiplicity for one in found)
        ids += [one.id for one in found]
        frames += [one.to_ase() for one in found]
    checked = md.check(path)
    assert sum(one.inequivalent for one in checked.spaces) == sum(one.labelled for one in checked.spaces) == len(ids)
    assert [label.wanted for label in checked.labels] == [len(ids)]
    assert sorted(i for part in select(loaded).values() for i in part.labelled.ids()) == sorted(ids)
    md.label(path, workers=1)
    built = md.build(path, folder / "out")
    assert sorted(built.structures["id"].to_pylist()) == sorted(ids) == sorted(set(ids))
    assert [loaded.identify(one).id for one in frames] == ids
    for atoms in frames:
        atoms.info["energy"] = 1.0
    write(folder / "all.extxyz", frames)
    md.import_labels("extxyz", folder / "all.extxyz", spec=path, out=folder / "published.parquet")
    assert sorted(pq.read_table(folder / "published.parquet")["id"].to_pylist()) == sorted(ids)
    return ids
