"""A model that cannot serve a task says so once, leaves the reason where its result would be, and stops no other."""

from __future__ import annotations

import pytest

from matbench_defects.errors import NotServedError
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.results import read_record, read_refusal
from matbench_defects.evaluation.task import load_task
from matbench_defects.models.mean import Mean
from matbench_defects.models.model import models

TASK = "lno-formation-energy"


class Choosy(Mean):
    """Serves its first seed, and others if it is told to."""

    seeded = True
    fitted = 0
    serves = False

    def fit(self, rows, values, validation):
        type(self).fitted += 1
        super().fit(rows, values, validation)

    def predict(self, rows):
        if self.fitted > 1 and not self.serves:
            raise NotServedError("no training row had Og")
        return super().predict(rows)


@pytest.fixture
def choosy():
    Choosy.fitted, Choosy.serves = 0, False
    with models.temporarily("choosy", Choosy):
        yield Choosy


def test_the_reason_is_kept_and_not_asked_for_again(lno, choosy, tmp_path):
    for fitted in (2, 2):
        with pytest.raises(NotServedError, match="no training row had Og"):
            evaluate(load_task(TASK), lno, "choosy", tmp_path)
        assert choosy.fitted == fitted
    folder = tmp_path / TASK / "choosy"
    assert sorted(p.name for p in folder.parent.iterdir()) == [
        "choosy",
        "dataset.json",
        "task.yaml",
    ]  # no finished fit is left over
    assert [p.name for p in folder.iterdir()] == ["refusal.json"]
    refusal = read_refusal(folder)
    assert (refusal["task"], refusal["reason"]) == (TASK, "no training row had Og")
    assert refusal["model"]["name"] == "choosy"


def test_what_is_there_gives_way_to_what_is_true_now(lno, choosy, tmp_path):
    folder = tmp_path / TASK / "choosy"
    with pytest.raises(NotServedError):
        evaluate(load_task(TASK), lno, "choosy", tmp_path)
    choosy.serves = True
    evaluate(load_task(TASK), lno, "choosy", tmp_path, seeds=[0, 1])
    assert read_refusal(folder) is None and read_record(folder)["seeds"] == [0, 1]
    choosy.serves = False
    with pytest.raises(NotServedError):
        evaluate(load_task(TASK), lno, "choosy", tmp_path, seeds=[2, 3])
    assert read_refusal(folder) is not None and read_record(folder) is None
