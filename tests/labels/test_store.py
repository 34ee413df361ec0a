import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matbench_defects.crystal.structure import Crystal
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.store import Key, Label, LabelStore

NUMBERS = st.floats(-1000, 1000).map(lambda x: round(x, 4))


@st.composite
def outcomes(draw):
    size = draw(st.integers(1, 4))
    species = draw(st.lists(st.sampled_from(["Li", "O", "Ni"]), min_size=size, max_size=size))
    return Outcome(
        energy=draw(NUMBERS),
        crystal=Crystal(
            draw(arrays(float, (3, 3), elements=NUMBERS)),
            tuple(species),
            draw(arrays(float, (size, 3), elements=NUMBERS)),
        ),
        max_force=draw(NUMBERS.map(abs)),
        max_stress=draw(st.none() | NUMBERS),
        magnetic_moments=draw(st.none() | arrays(float, size, elements=NUMBERS)),
        converged=draw(st.booleans()),
        steps=draw(st.integers(0, 500)),
    )


WORDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=8)
LABELS = st.builds(
    Label,
    key=st.builds(Key, id=WORDS, method=WORDS, host=WORDS, attempt=st.integers(0, 20)),
    engine_version=WORDS,
    level_of_theory=WORDS,
    description=st.fixed_dictionaries({"engine": WORDS, "settings": st.dictionaries(WORDS, NUMBERS | WORDS)}),
    outcome=st.none() | outcomes(),
    problem=WORDS,
    seconds=st.floats(0, 1e4).map(lambda x: round(x, 2)),
)


def plain(label):
    """A label as data that can be compared; arrays cannot."""
    data = dataclasses.asdict(label)
    if label.outcome is not None:
        moments = data["outcome"]["magnetic_moments"]
        data["outcome"]["magnetic_moments"] = None if moments is None else moments.tolist()
        crystal = data["outcome"]["crystal"]
        data["outcome"]["crystal"] = [crystal["lattice"].tolist(), crystal["species"], crystal["positions"].tolist()]
    return data


@given(st.lists(LABELS, max_size=4, unique_by=lambda label: label.key))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_again(tmp_path, labels):
    path = tmp_path / "labels.parquet"
    path.unlink(missing_ok=True)
    LabelStore(path).add(labels)
    again = LabelStore(path)
    assert len(again) == len(labels)
    for label in labels:
        assert plain(again.get(label.key)) == plain(label)
    assert [label.key for label in again] == sorted(label.key for label in labels)
    before = path.read_bytes()
    again.add([])
    assert path.read_bytes() == before


def label_of(name="a", energy=-1.0, problem=""):
    crystal = Crystal(np.eye(3) * 4, ("Li",), np.zeros((1, 3)))
    outcome = Outcome(energy, crystal, 0.0, None, None, True, 0)
    return Label(Key(name, "m", "h"), "e 1", "theory", {"engine": "e"}, outcome, problem, 1.0)


def test_labels_are_added_and_replaced(tmp_path):
    store = LabelStore(tmp_path / "deep" / "labels.parquet")
    store.add([label_of("a"), label_of("b")])
    store.add([label_of("a", energy=-2.0)])
    again = LabelStore(store.path)
    assert {label.key.id: label.outcome.energy for label in again} == {"a": -2.0, "b": -1.0}
    assert again.get(Key("a", "m", "other host")) is None


def test_a_label_with_a_problem_is_not_usable():
    assert label_of().usable
    assert not label_of(problem="it burst").usable
    assert not dataclasses.replace(label_of(), outcome=None).usable


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    store = LabelStore(tmp_path / "labels.parquet")
    store.add([label_of("a")])

    def fail(writer, table, **options):
        raise OSError("the disk is full")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(OSError, match="the disk is full"):
        store.add([label_of("b")])
    assert [p.name for p in tmp_path.iterdir()] == ["labels.parquet"]
    assert [label.key.id for label in LabelStore(store.path)] == ["a"]


def test_what_is_no_table_of_labels_is_refused(tmp_path):
    path = tmp_path / "labels.parquet"
    path.write_bytes(b"words")
    with pytest.raises(InputError, match=r"labels.parquet: cannot be read as Parquet"):
        LabelStore(path)
    pq.write_table(pa.table({"id": ["a"]}), path)
    with pytest.raises(InputError, match=r"is not a table of labels: it lacks method, host, "):
        LabelStore(path)


def test_energies_in_another_unit_are_refused(tmp_path):
    path = tmp_path / "labels.parquet"
    LabelStore(path).add([label_of()])
    table = pq.read_table(path)
    position = table.schema.get_field_index("energy")
    field = table.schema.field(position).with_metadata({"unit": "meV", "per": "cell"})
    pq.write_table(table.set_column(position, field, table.column(position)), path)
    with pytest.raises(InputError, match="is not a table of labels: it has other types or units"):
        LabelStore(path)
