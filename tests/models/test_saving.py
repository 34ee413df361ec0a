"""Saved models: what is refused, and that nothing pickled is ever read."""

from __future__ import annotations

import json

import numpy as np
import pytest

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
    with pytest.raises(InputError, match="does not hold a whole model"):
        load_model(saved)


def test_pickled_arrays_are_refused(saved):
    from matbench_defects.files import sha256_of_file

    np.savez(saved / "arrays.npz", regression=np.array([{"a": 1}], dtype=object))
    record = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps(record | {"arrays": sha256_of_file(saved / "arrays.npz")}))
    with pytest.raises(InputError, match="does not hold a whole model"):
        load_model(saved)


class Foreign:
    pass


def test_estimators_of_others_are_refused():
    with pytest.raises(InputError, match="which is not scikit-learn's"):
        estimator_of(estimator_bytes(Foreign()))


def test_another_folder_is_not_overwritten(saved, tmp_path, lno):
    model = load_model(saved).model
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    save_model(model, saved, "composition", background)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="is not a saved model"):
        save_model(model, tmp_path / "mine", "composition", background)
