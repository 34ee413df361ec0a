"""The commands, thin: parse, call, show; `matbench_defects.cli` joins them."""
