"""What the package's own tests do: hold each of its things to the contract of its kind."""

from __future__ import annotations

from matbench_defects.testing import (
    check_engine,
    check_metric,
    check_model,
    check_policy,
    check_split,
    check_target,
)

check_model("nearest-content")
check_engine("atomic-numbers")
check_metric("largest_error")
check_split("even", {})
check_target("cell_energy", {"unit": "eV"})
check_policy("in-order")
