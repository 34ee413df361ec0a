"""How far training is: said by models, shown on a terminal, and nowhere else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from matbench_defects.cli.progress import show_progress
from matbench_defects.evaluation.harness import evaluate
from matbench_defects.evaluation.task import load_task

TASK = "lno-formation-energy"
QUICK = {"epochs": 3, "width": 8, "layers": 1}


@pytest.mark.parametrize(("name", "fits"), [("schnet", 1), ("ensemble-schnet", 2)])
def test_networks_say_how_far_they_are(lno, name, fits, tmp_path):
    said = []
    settings = QUICK if fits == 1 else QUICK | {"members": fits}
    options = {"settings": settings, "seeds": [0], "passes": lambda *how_far: said.append(how_far)}
    evaluate(load_task(TASK), lno, name, tmp_path, **options)
    assert [one[:2] for one in said] == [(1, 3), (2, 3), (3, 3)] * fits
    # In eV per formula unit, not in standard deviations: an untrained network is about as far off as composition.
    spread = np.std(lno.part("random", "train")["formation_energy"].to_numpy())
    assert all(0 < error < 2 * spread < 0.2 for *_, error in said)


def test_others_say_nothing(lno, tmp_path):
    said = []
    evaluate(load_task(TASK), lno, "mean", tmp_path, passes=lambda *how_far: said.append(how_far))
    assert said == []


@pytest.mark.parametrize("terminal", [True, False])
def test_passes_are_shown_on_a_terminal_alone(terminal, capsys):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=200)
    with show_progress(console, "schnet") as show:
        show(0, 20)
        show.passes(7, 120, 0.01234)
    shown = stream.getvalue() + capsys.readouterr().out
    assert ("schnet: epoch 7 of 120, validation error 0.0123" in shown) == terminal
    assert ("schnet: 0 of 20" in shown) != terminal
