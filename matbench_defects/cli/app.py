"""The program, to which each file of commands adds its own, and its help, grouped by what a user does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

# Looking for plugins of pydantic among all installed packages takes a twentieth of what `check` takes; none is used.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer
from typer.core import TyperGroup

START = "Start here"
CRYSTAL = "Your crystal"
DATA = "Your data"
BENCHMARKS = "Benchmarks"
LEADERBOARD = "Leaderboard"
GROUPS = (START, CRYSTAL, DATA, BENCHMARKS, LEADERBOARD)
"""Groups of commands, in the order of the help; a command of any other group comes after them."""


class Grouped(TyperGroup):
    """Commands whose help comes in groups; typer does that with rich alone, which starts more slowly."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, group by group."""
        groups: dict[str, list[tuple[str, Any]]] = {name: [] for name in GROUPS}
        width = max(map(len, self.commands))
        for name, each in self.commands.items():
            if not each.hidden:
                of = getattr(each, "rich_help_panel", None)
                groups.setdefault(of if isinstance(of, str) else "Commands", []).append((name.ljust(width), each))
        for title, members in groups.items():
            if members:
                room = formatter.width - 6 - width
                with formatter.section(title):
                    formatter.write_dl([(name, each.get_short_help_str(room)) for name, each in members])


app = typer.Typer(
    cls=Grouped,
    help="Datasets and benchmarks for disordered, doped and defective crystals, from one YAML spec.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def command(group: str, name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that adds a command.

    Parameters
    ----------
    group : str
        Under which heading the help shows it; one of `GROUPS`, or another.
    name : str, optional
        What it is called; the function's name if left out.
    """
    return app.command(name, rich_help_panel=group)
