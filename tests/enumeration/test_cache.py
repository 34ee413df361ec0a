"""The compiled loops: kept once compiled, and right and quiet where they cannot be kept or what is kept is spoilt."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from matbench_defects.compiling import compiled_function
from matbench_defects.enumeration.dense import LOOP

SCRIPT = """
import sys
import numpy as np
from matbench_defects.enumeration.dense import dense_subsets
from matbench_defects.enumeration.pair_cosets import pair_coset_subsets
turns = np.array([[(i + j) % 10 for i in range(10)] for j in range(10)], dtype=np.int32)
print(dense_subsets(turns, 4).sites.shape, pair_coset_subsets(turns, 4).sites.shape, "numba" in sys.modules)
"""
COMPILED, LOADED = "(4, 22) (4, 22) True", "(4, 22) (4, 22) False"


def run(cache):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, "MATBENCH_DEFECTS_CACHE": str(cache)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.slow
def test_no_folder_to_keep_it_in(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert run(blocked / "cache") == COMPILED
    assert run(blocked) == COMPILED


@pytest.mark.slow
def test_compiled_once(tmp_path):
    """Then loaded without numba; what is cut short or spoilt is compiled again."""
    assert run(tmp_path) == COMPILED
    assert run(tmp_path) == LOADED
    kept = sorted((tmp_path / "compiled").iterdir())
    assert len(kept) == 4 and not [p for p in kept if p.suffix != ".o"]
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    kept[1].write_bytes(b"")
    assert run(tmp_path) == COMPILED
    assert run(tmp_path) == LOADED


def test_an_array_of_another_type_is_refused():
    """It would be read as what it is not."""
    walk = compiled_function(*LOOP)
    with pytest.raises(TypeError, match="array of uint8 was expected, not one of float64"):
        walk(np.zeros((1, 4)), *[0] * 18)


def test_counting_and_dilute_work_do_not_import_numba():
    script = """
import sys
from matbench_defects.crystal.building import build_spaces
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.spec.loading import load_spec
space = build_spaces(load_spec("lno-cathode"))["lno-cathode"]
print(len(enumerate_configurations(space)), "numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["87", "False"]
