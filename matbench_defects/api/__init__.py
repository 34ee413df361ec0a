"""The objects and functions of the front door, which ``matbench_defects`` exports; the command line calls no others."""
