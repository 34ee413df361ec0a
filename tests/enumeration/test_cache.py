"""The compiled search where numba may not keep its result."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
from matbench_defects.enumeration.dense import dense_subsets
turns = np.array([[(i + j) % 10 for i in range(10)] for j in range(10)], dtype=np.int32)
print(dense_subsets(turns, 4).sites.shape)
"""


def test_no_folder_to_keep_it_in(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(blocked / "cache")},
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(4, 22)", "")


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
