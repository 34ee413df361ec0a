"""Saved models: what is refused, and that nothing pickled is ever read."""

from __future__ import annotations

import functools
import io
import json
import operator
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, PairwiseKernel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from matbench_defects.bounded import read_arrays
from matbench_defects.errors import InputError
from matbench_defects.models.model import make_model
from matbench_defects.models.rows import Background, Rows
from matbench_defects.models.saving import estimator_bytes, estimator_of, load_model, save_model


@pytest.fixture
def saved(lno, tmp_path):
    rows = Rows.of(lno.structures, Background(lno.spec, "formation_energy", lno.quantity("formation_energy")))
    model = make_model("composition")
    model.fit(rows, lno.structures["formation_energy"].to_numpy(), None)
    save_model(model, tmp_path / "saved", "composition", rows.background)
    return tmp_path / "saved"


def test_it_says_what_it_predicts_and_what_it_was_fitted_on(saved, lno):
    loaded = load_model(saved)
    assert (loaded.target, loaded.dataset) == ("formation_energy", "lno-cathode@1.0.0")
    assert loaded.quantity == lno.quantity("formation_energy")
    assert sorted(p.name for p in saved.iterdir()) == ["arrays.npz", "model.json"]


def test_what_is_no_saved_model_is_refused(saved, tmp_path):
    with pytest.raises(InputError, match=r"it has no model\.json"):
        load_model(tmp_path)
    record = json.loads((saved / "model.json").read_text())
    for change, message in (
        ({"format": 0}, "is not a model of format 1"),
        ({"name": "compositon"}, "did you mean 'composition'"),
        ({"values": None}, "does not hold a whole model"),
    ):
        (saved / "model.json").write_text(json.dumps(record | change))
        with pytest.raises(InputError, match=message):
            load_model(saved)
    (saved / "model.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        load_model(saved)


def test_altered_arrays_are_refused(saved):
    (saved / "arrays.npz").write_bytes((saved / "arrays.npz").read_bytes() + b" ")
    with pytest.raises(InputError, match="its SHA-256 differs"):
        load_model(saved)
    (saved / "arrays.npz").unlink()
    with pytest.raises(InputError, match=r"arrays\.npz: cannot be read: No such file"):
        load_model(saved)


def test_pickled_arrays_are_refused(saved):
    from matbench_defects.files import sha256_of_file

    np.savez(saved / "arrays.npz", regression=np.array([{"a": 1}], dtype=object))
    record = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps(record | {"arrays": sha256_of_file(saved / "arrays.npz")}))
    with pytest.raises(InputError, match=r"the array 'regression\.npy' cannot be read: it holds objects"):
        load_model(saved)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((10**15,), "another number of bytes than its head says"), ((3, -1), "cannot be read")],
)
def test_arrays_that_promise_more_than_they_hold(saved, shape, words):
    with zipfile.ZipFile(saved / "arrays.npz", "w") as archive, archive.open("scale.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
        stream.write(bytes(80))
    with pytest.raises(InputError, match=words):
        read_arrays(saved / "arrays.npz")


def test_arrays_that_unpack_without_end(tmp_path):
    with zipfile.ZipFile(tmp_path / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scale.npy", bytes(2_000_000))
    assert (tmp_path / "arrays.npz").stat().st_size < 4000
    with pytest.raises(InputError, match="unpacks to more than 1,000,000 bytes"):
        read_arrays(tmp_path / "arrays.npz", 1_000_000)


def test_arrays_are_those_that_were_written(tmp_path):
    given = {
        "rows": np.arange(12.0).reshape(3, 4),
        "columns": np.asfortranarray(np.arange(12).reshape(3, 4)),
        "one": np.array(2.5),
        "none": np.zeros((0, 3)),
        "words": np.array(["a", "bc"]),
    }
    np.savez_compressed(tmp_path / "arrays.npz", **given)
    found = read_arrays(tmp_path / "arrays.npz")
    assert list(found) == list(given)
    for name, array in given.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype


class Foreign:
    pass


FORESTS = RandomForestRegressor(3, random_state=0), GradientBoostingRegressor(n_estimators=3, random_state=0)
ATTACKS = {
    "a class of somebody's": Foreign(),
    "numpy's own way to run code": FunctionTransformer(np.testing.measure),
    "that way, called at once": functools.partial(np.testing.measure, "import os; os.system('touch owned')"),
    "a command": functools.partial(os.system, "touch owned"),
    "a function": os.system,
    "a function of numpy": np.load,
    "a ufunc": np.add,
    "an attribute": operator.attrgetter("__class__"),
    "a method to call": operator.methodcaller("predict", [[0.0]]),
    "an item": operator.itemgetter(0),
    "a built-in": eval,
    "a bound method": Foreign().__init__,
    "an estimator that takes a function": make_pipeline(FunctionTransformer(operator.neg), RandomForestRegressor()),
    "an estimator that no model here has": RandomForestClassifier(),
    "one that refits others": GridSearchCV(RandomForestRegressor(), {"n_estimators": [1]}),
    "a kernel that no model here has": PairwiseKernel(metric="rbf"),
    "a set": {1},
    "a piece": slice(1),
    "a type": int,
    "a path": Path("owned"),
}


@pytest.mark.parametrize("what", ATTACKS)
@pytest.mark.parametrize("hidden", [False, True])
def test_estimators_of_others_are_refused(what, hidden, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attack = ATTACKS[what]
    if hidden:
        attack = GaussianProcessRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
        attack.kernel = [{"a": (ATTACKS[what],)}]
    stored = estimator_bytes(attack)
    with pytest.raises(InputError, match=r"the saved model holds .*, which no model here consists of"):
        estimator_of(stored)
    assert list(tmp_path.iterdir()) == []


def schema_changed(stored, change):
    """Return stored bytes with another description of what they are."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(stored.tobytes())) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                change(schema)
                data = json.dumps(schema).encode()
            new.writestr(name, data)
    return np.frombuffer(out.getvalue(), dtype=np.uint8)


MADE = {
    "a function": {"__loader__": "FunctionNode", "__module__": "os", "__class__": "system", "content": "system"},
    "measure": {"__loader__": "FunctionNode", "__module__": "numpy.testing", "__class__": "measure", "content": ""},
    "a reduction": {"__loader__": "ReduceNode", "__module__": "numpy.testing", "__class__": "measure", "content": {}},
    "a known type, made otherwise": {"__loader__": "FunctionNode", "__module__": "builtins", "__class__": "dict"},
    "a type by another name": {"__loader__": "TypeNode", "__module__": "builtins", "__class__": "eval"},
    "no way at all": {"__module__": "os", "__class__": "system"},
    "a name that is a list": {"__loader__": "ObjectNode", "__module__": ["os"], "__class__": {"a": "system"}},
    "an operator": {"__loader__": "OperatorFuncNode", "__module__": "operator", "__class__": "methodcaller"},
}


@pytest.mark.parametrize("what", MADE)
def test_descriptions_made_by_hand_are_refused(what):
    stored = estimator_bytes(GaussianProcessRegressor().fit([[0.0], [1.0]], [0.0, 1.0]))
    assert estimator_of(schema_changed(stored, lambda schema: None)).predict([[0.0]]).shape == (1,)

    def change(schema):
        schema["content"]["content"]["kernel"] = MADE[what]

    with pytest.raises(InputError, match="which no model here consists of"):
        estimator_of(schema_changed(stored, change))


@pytest.mark.parametrize("estimator", FORESTS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 0), ("right_child", 10**9), ("left_child", -5), ("feature", 7), ("feature", -9)]
)
def test_trees_that_lead_out_of_themselves_are_refused(estimator, field, value):
    features = np.random.default_rng(0).normal(size=(50, 2))
    estimator = clone(estimator).fit(features, features[:, 0])
    fitted = np.ravel(estimator.estimators_)[1]
    stored = estimator_bytes(estimator)
    assert np.array_equal(estimator_of(stored).predict(features), estimator.predict(features))
    state = fitted.tree_.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    fitted.tree_.__setstate__(state)
    with pytest.raises(InputError, match="a tree whose nodes lead out of it"):
        estimator_of(estimator_bytes(estimator))


@pytest.mark.parametrize("estimator", FORESTS, ids=lambda e: type(e).__name__)
def test_a_forest_without_trees_or_of_something_else_is_refused(estimator):
    features = np.random.default_rng(0).normal(size=(50, 2))
    for trees in ([], "trees", [1.0], None):
        broken = clone(estimator).fit(features, features[:, 0])
        broken.estimators_ = (
            trees if trees is None or isinstance(trees, str) else np.array(trees, dtype=object).tolist()
        )
        with pytest.raises(InputError):
            estimator_of(estimator_bytes(broken))


@pytest.mark.parametrize("attribute", ["alpha_", "X_train_", "L_", "kernel_", "n_features_in_", "_y_train_std"])
@pytest.mark.parametrize("value", [None, "words", [], {"a": 1.0}], ids=str)
def test_a_gaussian_process_with_a_broken_part_is_refused(attribute, value):
    broken = GaussianProcessRegressor(RBF()).fit([[0.0], [1.0]], [0.0, 1.0])
    setattr(broken, attribute, value)
    try:
        found = estimator_of(estimator_bytes(broken))
    except InputError:
        return
    assert np.isfinite(found.predict([[0.5]])).all()  # nothing asked for that part


def test_a_pipe_in_the_place_of_a_file(saved):
    (saved / "model.json").rename(saved / "kept")
    os.mkfifo(saved / "model.json")
    with pytest.raises(InputError, match=r"model\.json: cannot be read: it is a pipe or a device"):
        load_model(saved)
    (saved / "model.json").unlink()
    (saved / "kept").rename(saved / "model.json")
    (saved / "arrays.npz").unlink()
    (saved / "arrays.npz").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"arrays\.npz: cannot be read: it is a pipe or a device"):
        load_model(saved)


def test_another_folder_is_not_overwritten(saved, tmp_path, lno):
    model = load_model(saved).model
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    save_model(model, saved, "composition", background)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="is not a saved model"):
        save_model(model, tmp_path / "mine", "composition", background)
