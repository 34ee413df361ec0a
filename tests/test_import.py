import json
import subprocess
import sys

import pytest

from matbench_defects.shipped import find_spec

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


def loaded_by_check(spec):
    """Check a spec in a fresh process; return every module then loaded."""
    program = (
        "import json, sys\n"
        "from matbench_defects.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program, "check", str(spec)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(json.loads(output.splitlines()[-1]))


def test_check_loads_nothing_heavy(tmp_path):
    # As a whole process it must answer before anyone has to wait; each of these takes a tenth of a second or more.
    loaded = loaded_by_check("lno-cathode")
    heavy = {*HEAVY, "numba", "scipy", "sklearn", "pandas", "matplotlib", "pymatgen.core", "ruamel.yaml"}
    assert loaded.isdisjoint(heavy - {"pymatgen"}), loaded & heavy
    assert "pyarrow" not in loaded  # the lock knows what the labels cost
    alone = tmp_path / "spec.yaml"
    alone.write_bytes(find_spec("lno-cathode").read_bytes())
    assert loaded_by_check(alone).isdisjoint({*heavy - {"pymatgen"}, "pyarrow"})
