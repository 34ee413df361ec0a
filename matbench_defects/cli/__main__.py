"""``python -m matbench_defects.cli`` is the same as ``matbench-defects``."""

from matbench_defects.cli import main

main()
