"""The command line: parse, call, show; one file a group of commands. Nothing imports it."""

from matbench_defects.cli.app import app
from matbench_defects.cli.command_line import main

__all__ = ["app", "main"]
