"""Declarative datasets and benchmarks for disordered, doped and defective crystals.

One road leads through the package, and each stage imports only those before it::

    spec -> parent -> configurations -> labels -> dataset -> task -> result -> leaderboard

``import matbench_defects`` is light: neither torch nor pymatgen is loaded until something needs it.
"""

from typing import TYPE_CHECKING, Any

from matbench_defects._version import __version__

if TYPE_CHECKING:
    from matbench_defects.hub.find import load_dataset

__all__ = ["__version__", "load_dataset"]


def __getattr__(name: str) -> Any:
    """Load what needs other packages when it is first asked for."""
    if name == "load_dataset":
        from matbench_defects.hub.find import load_dataset

        return load_dataset
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
