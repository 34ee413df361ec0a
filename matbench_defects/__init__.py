"""Declarative datasets and benchmarks for disordered, doped and defective crystals.

One road leads through the package, and each stage imports only those before it::

    spec -> parent -> configurations -> labels -> dataset -> task -> result -> leaderboard

``import matbench_defects`` is light: neither torch nor pymatgen is loaded until something needs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matbench_defects.dataset.locating import load_dataset

__all__ = ["__version__", "load_dataset"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load what needs other packages when it is first asked for."""
    if name == "load_dataset":
        from matbench_defects.dataset.locating import load_dataset

        return load_dataset
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
