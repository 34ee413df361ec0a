"""Declarative datasets and benchmarks for disordered, doped and defective crystals.

This is the front door: what stands in ``__all__`` is all that is promised, and the command line calls nothing else.
Behind it each room imports only those before it::

    spec -> parent -> configurations -> labels -> dataset -> task -> result -> leaderboard

``import matbench_defects`` is light: neither numpy, torch nor pymatgen is loaded until something needs it.

Examples
--------
>>> import matbench_defects as md
>>> md.load_spec("lno-cathode").space().count()
Count(total=4096, inequivalent=87)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from matbench_defects._version import __version__

if TYPE_CHECKING:
    from matbench_defects.api.benchmarking import benchmark as benchmark
    from matbench_defects.api.datasets import build as build
    from matbench_defects.api.datasets import compare_labels as compare_labels
    from matbench_defects.api.datasets import import_labels as import_labels
    from matbench_defects.api.datasets import label as label
    from matbench_defects.api.datasets import publish as publish
    from matbench_defects.api.domains import Spec as Spec
    from matbench_defects.api.domains import load_spec as load_spec
    from matbench_defects.api.evaluating import compare as compare
    from matbench_defects.api.evaluating import evaluate as evaluate
    from matbench_defects.api.evaluating import evaluate_all as evaluate_all
    from matbench_defects.api.evaluating import explain as explain
    from matbench_defects.api.evaluating import make_model as make_model
    from matbench_defects.api.evaluating import model_settings as model_settings
    from matbench_defects.api.exporting import export as export
    from matbench_defects.api.leaderboard import build_leaderboard as build_leaderboard
    from matbench_defects.api.leaderboard import check_submission as check_submission
    from matbench_defects.api.leaderboard import rescore as rescore
    from matbench_defects.api.leaderboard import retire as retire
    from matbench_defects.api.leaderboard import score_request as score_request
    from matbench_defects.api.leaderboard import submit as submit
    from matbench_defects.api.schemas import schema as schema
    from matbench_defects.api.searching import discover as discover
    from matbench_defects.api.searching import screen as screen
    from matbench_defects.api.spaces import Space as Space
    from matbench_defects.api.specs import check as check
    from matbench_defects.api.specs import fetch_parents as fetch_parents
    from matbench_defects.api.specs import listing as listing
    from matbench_defects.api.specs import lock as lock
    from matbench_defects.api.specs import new_spec as new_spec
    from matbench_defects.api.tasks import Task as Task
    from matbench_defects.api.tasks import load_task as load_task
    from matbench_defects.api.tasks import new_task as new_task
    from matbench_defects.discovery.discover import SearchOptions as SearchOptions
    from matbench_defects.discovery.screen_dataset import ScreenOptions as ScreenOptions
    from matbench_defects.errors import InputError as InputError
    from matbench_defects.errors import NotServedError as NotServedError
    from matbench_defects.evaluation.tabulating import tabulate as tabulate
    from matbench_defects.evaluation.task_results import show_results as show_results
    from matbench_defects.exchange.export import to_ase as to_ase
    from matbench_defects.exchange.export import to_pymatgen as to_pymatgen
    from matbench_defects.hub.find import load_dataset as load_dataset
    from matbench_defects.models.model import Model as Model
    from matbench_defects.models.model import Prediction as Prediction

_HOME = {
    "InputError": "errors",
    "NotServedError": "errors",
    "Space": "api.spaces",
    "Spec": "api.domains",
    "load_spec": "api.domains",
    "check": "api.specs",
    "new_spec": "api.specs",
    "fetch_parents": "api.specs",
    "lock": "api.specs",
    "listing": "api.specs",
    "schema": "api.schemas",
    "label": "api.datasets",
    "build": "api.datasets",
    "import_labels": "api.datasets",
    "compare_labels": "api.datasets",
    "export": "api.exporting",
    "load_dataset": "hub.find",
    "publish": "api.datasets",
    "to_ase": "exchange.export",
    "to_pymatgen": "exchange.export",
    "Task": "api.tasks",
    "load_task": "api.tasks",
    "new_task": "api.tasks",
    "Model": "models.model",
    "Prediction": "models.model",
    "benchmark": "api.benchmarking",
    "make_model": "api.evaluating",
    "model_settings": "api.evaluating",
    "evaluate": "api.evaluating",
    "evaluate_all": "api.evaluating",
    "compare": "api.evaluating",
    "show_results": "evaluation.task_results",
    "tabulate": "evaluation.tabulating",
    "explain": "api.evaluating",
    "SearchOptions": "discovery.discover",
    "discover": "api.searching",
    "ScreenOptions": "discovery.screen_dataset",
    "screen": "api.searching",
    "submit": "api.leaderboard",
    "check_submission": "api.leaderboard",
    "build_leaderboard": "api.leaderboard",
    "score_request": "api.leaderboard",
    "rescore": "api.leaderboard",
    "retire": "api.leaderboard",
}
"""The module of each name."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    """Load what needs other packages when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
