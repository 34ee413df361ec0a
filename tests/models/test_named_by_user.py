"""A model in a file of the user's own: where it may be named, where not, and that it travels."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import matbench_defects as md
from matbench_defects.cli import app
from matbench_defects.errors import InputError
from matbench_defects.models import named_by_user
from matbench_defects.models.model import make_model, models
from matbench_defects.models.named_by_user import allow_model
from matbench_defects.models.portable import Portable
from matbench_defects.models.rows import Background, Rows
from matbench_defects.models.saving import load_model, save_model

MODEL = """
from matbench_defects.models.mean import Mean

class HalfMean(Mean):
    title = "Half of the mean"

    def predict(self, rows):
        found = super().predict(rows)
        return type(found)(found.values * FACTOR)

FACTOR = 0.5
"""

OWN = """import numpy as np
from matbench_defects import Model
class Own(Model):
    def fit(self, rows, values, validation): ...
    def predict(self, rows):
        {predicts}
"""


@pytest.fixture
def own(tmp_path):
    """The file; what is allowed in a test is forgotten after it."""
    path = tmp_path / "own" / "my models.py"
    path.parent.mkdir()
    path.write_text(MODEL)
    yield path
    for module in list(named_by_user._modules.values()):
        named_by_user._forget(module)
    named_by_user._modules.clear()


def test_its_name_suits_results_and_submissions(own):
    name = allow_model(f"{own}:HalfMean")
    assert name == "my-models-half-mean" == allow_model(f"{own.parent}/../own/{own.name}:HalfMean")
    assert models.get(name).title == "Half of the mean" and name in models.names()
    assert allow_model(f"ensemble-{own}:HalfMean") == f"ensemble-{name}"
    assert make_model(f"ensemble-{name}").members[0].__class__ is models.get(name)
    assert allow_model("mean") == "mean" and allow_model("maen") == "maen"


def test_a_file_that_registers_its_model_is_taken_at_its_word(own):
    registers = "from matbench_defects.models.model import models\n\n@models.register('half')\nclass"
    own.write_text(MODEL.replace("class", registers, 1))
    assert allow_model(f"{own}:HalfMean") == "half"
    other = registers.replace("half", "other").replace("class", "class Other(HalfMean): ...")
    own.write_text(own.read_text() + other)  # edited: both are registered anew
    assert (allow_model(f"{own}:HalfMean"), allow_model(f"{own}:Other")) == ("half", "other")
    own.write_text(own.read_text().replace("'half'", "'mean'"))
    with pytest.raises(InputError, match=r"my models\.py:6: cannot be loaded: ValueError: two models are .* 'mean'"):
        allow_model(f"{own}:HalfMean")


def test_an_edited_file_is_read_again(own):
    first = models.get(allow_model(f"{own}:HalfMean"))
    own.write_text(MODEL.replace("Half of", "A third of"))
    second = models.get(allow_model(f"{own}:HalfMean"))
    assert (first.title, second.title) == ("Half of the mean", "A third of the mean")


def test_files_beside_it_can_be_imported(own, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (own.parent / "factor_of_test.py").write_text("FACTOR = 2.0\n")
    own.write_text(MODEL.replace("FACTOR = 0.5", "from factor_of_test import FACTOR"))
    assert allow_model(f"{own}:HalfMean") == "my-models-half-mean"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (MODEL, "HalfMaen", "my models.py: holds no class 'HalfMaen'; did you mean 'HalfMean'? known: HalfMean"),
        (MODEL, "FACTOR", "my models.py: FACTOR is no subclass of"),
        ("class A:\n    pass\n", "A", "my models.py: A is no subclass of matbench_defects.models.model.Model"),
        ("from matbench_defects.models.model import Model\nclass A(Model): pass", "A", "A has no fit and no predict"),
        ("x = (\n", "A", "my models.py:1: cannot be loaded: SyntaxError: '(' was never closed"),
        ("\nimport nowhere_of_test\n", "A", "my models.py:2: cannot be loaded: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", "A", "my models.py:1: cannot be loaded: SystemExit: 3"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_message(own, text, name, message):
    own.write_text(text)
    with pytest.raises(InputError) as caught:
        allow_model(f"{own}:{name}")
    assert message in str(caught.value)


def test_other_mistakes(own, tmp_path):
    with pytest.raises(InputError, match=r"mine\.py: cannot be read: No such file"):
        allow_model(f"{tmp_path}/mine.py:A")
    with pytest.raises(InputError, match=r"say which class of it is meant, as FILE\.py:Class; known: HalfMean"):
        allow_model(str(own))
    other = tmp_path / "cluster.py"
    other.write_text(MODEL.replace("HalfMean", "Expansion"))
    with pytest.raises(InputError, match="the name of Expansion would be 'cluster-expansion', which another model has"):
        allow_model(f"{other}:Expansion")


def test_nothing_but_the_users_word_runs_a_file(own, lno, tmp_path):
    """A saved model's file may say what it likes."""
    own.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + MODEL)
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    table = lno.part("random", "train", "formation_energy")
    fitted = make_model("mean")
    fitted.fit(Rows.of(table, background), table["formation_energy"].to_numpy(), None)
    for name in (f"{own}:HalfMean", "my-models-half-mean"):
        save_model(fitted, tmp_path / "saved", name, background)
        with pytest.raises(InputError, match="no model is called"):
            load_model(tmp_path / "saved")
    assert not (tmp_path / "ran").exists()


def test_it_reaches_another_process_and_only_as_it_was(own, lno):
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    table = lno.part("random", "train", "formation_energy")
    rows = Rows.of(table, background)
    model = make_model(allow_model(f"{own}:HalfMean"))
    model.fit(rows, table["formation_energy"].to_numpy(), None)
    sent = pickle.dumps(Portable(model))
    np.testing.assert_array_equal(pickle.loads(sent).model.predict(rows).values, model.predict(rows).values)
    own.write_text(MODEL.replace("0.5", "0.6"))
    with pytest.raises(InputError, match=r"my models\.py: has been changed since the model was fitted"):
        pickle.loads(sent)


def test_on_the_command_line(own, lno, tmp_path):
    asked = ["evaluate", "lno-formation-energy", "--dataset", str(lno.folder), "--out", str(tmp_path / "results")]
    done = CliRunner().invoke(app, [*asked, "--model", f"{own}:HalfMean", "--model", "mean", "--seed", "0"])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "results/lno-formation-energy/my-models-half-mean/result.json").read_text())
    assert record["model"]["title"] == "Half of the mean"


@pytest.mark.slow
def test_two_workers_screen_with_it(own, lno, tmp_path):
    command = [sys.executable, "-m", "matbench_defects.cli", "screen", str(lno.folder), "--out", "found"]
    more = ["--model", f"own/{own.name}:HalfMean", "--workers", "2", "--top", "3"]
    done = subprocess.run([*command, *more], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "found" / "screen.json").read_text())["model"] == "my-models-half-mean"


@pytest.mark.parametrize(
    ("predicts", "reason"),
    [
        ("raise ValueError('mine')", "my models.py:6: the model my-models-own failed: ValueError: mine"),
        ("return rows.column('nothing')", "my models.py:6: .* failed: KeyError"),
        ("return np.zeros(1)", "not a finite number for each test row"),
    ],
)
def test_what_goes_wrong_in_a_file_is_said_of_that_file(own, lno, tmp_path, predicts, reason):
    own.write_text(OWN.format(predicts=predicts))
    with pytest.raises(InputError, match=reason):
        md.evaluate("lno-formation-energy", f"{own}:Own", lno, out=tmp_path / "results", seeds=[0])


def test_numbers_are_a_prediction_and_no_docstring_is_needed(own, lno, tmp_path):
    own.write_text(OWN.format(predicts="return np.zeros(len(rows))"))
    found = md.evaluate("lno-formation-energy", f"{own}:Own", lno, out=tmp_path / "results", seeds=[0])
    assert found.record["model"]["description"] == found.record["model"]["title"] == "Own"


def test_what_lies_beside_the_file_counts_as_well(own, lno, tmp_path):
    """A helper has no version, so its source stands for it."""
    helper = own.with_name("shift_of_test.py")
    own.write_text("import shift_of_test\n" + OWN.format(predicts="return np.full(len(rows), shift_of_test.SHIFT)"))
    code = (
        "import sys\nimport matbench_defects as md\nfrom matbench_defects.hub.find import open_dataset\n"
        "task, data, model, out = sys.argv[1:]\n"
        "print(md.evaluate(task, model, md.load_dataset(data), out=out, seeds=[0]).scores['mae'].mean)\n"
    )
    told = []
    for shift in ("0.0", "5.0"):
        helper.write_text(f"SHIFT = {shift}\n")
        words = [sys.executable, "-c", code, "lno-formation-energy", str(lno.folder), f"{own}:Own", str(tmp_path / "r")]
        told.append(float(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
    assert told[1] > told[0] + 4


@pytest.mark.parametrize(("stem", "kind"), [("ж", "Ж"), ("m", "M" * 70)])
def test_names_that_no_result_can_have_are_refused(own, stem, kind):
    path = own.with_name(f"{stem}.py")
    path.write_text(OWN.format(predicts="return np.zeros(len(rows))").replace("Own", kind))
    with pytest.raises(InputError, match="Latin letters, and at most 63"):
        allow_model(f"{path}:{kind}")
