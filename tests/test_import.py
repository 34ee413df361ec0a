import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "pymatgen", "ase", "datasets", "chgnet", "sevenn")


def imported(module):
    """Import a module in a fresh process; return the seconds it took and every package then loaded."""
    program = (
        "import json, sys, time\n"
        "start = time.perf_counter()\n"
        f"import {module}\n"
        "seconds = time.perf_counter() - start\n"
        "print(json.dumps([seconds, sorted({name.partition('.')[0] for name in sys.modules})]))\n"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    seconds, loaded = json.loads(output)
    return seconds, set(loaded)


def test_the_package_is_light():
    # The quickest of three: another process may have had the core.
    runs = [imported("matbench_defects") for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.2
    assert runs[0][1].isdisjoint({*HEAVY, "numpy", "pandas", "pyarrow", "scipy", "pydantic"})


@pytest.mark.parametrize("module", ["matbench_defects.cli", "matbench_defects.registry", "matbench_defects.shipped"])
def test_the_command_line_starts_light(module):
    assert imported(module)[1].isdisjoint({*HEAVY, "pandas", "scipy"})
