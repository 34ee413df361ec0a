"""What the manifest of a dataset says: where it comes from, what it holds, how its labels were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from matbench_defects._version import __version__
from matbench_defects.columns import Quantity
from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.dataset.labelled_rows import LowestAttempts
from matbench_defects.dataset.plan import Plan
from matbench_defects.dataset.reading import FORMAT
from matbench_defects.files import digest
from matbench_defects.labels.asking import Jobs
from matbench_defects.labels.attempts import attempts_of
from matbench_defects.labels.guards import kind_of_problem


def manifest_of(
    planned: Plan, tried: Mapping[str, LowestAttempts], notes: dict[str, list[str]], figures: dict[str, str]
) -> dict[str, Any]:
    """Return what the manifest says, without the list of files.

    Parameters
    ----------
    planned : Plan
        The spec.
    tried : mapping of str to LowestAttempts
        What the attempts at labels came to, by the label's name.
    notes : dict of str to list of str
        What the card says of each target.
    figures : dict of str to str
        The figures with their captions.
    """
    spec = planned.spec
    labels = {name: _label(lowest, planned.jobs.of(name)) for name, lowest in tried.items()}
    return {
        "format": FORMAT,
        "name": spec.name,
        "version": spec.version,
        "builder": f"matbench-defects {__version__}",
        "spec_digest": digest(spec.document.data),
        "spaces": {
            name: {
                "parent": part.space.parent.formula,
                "space_group": part.space.parent.space_group,
                "group_order": len(part.space.group),
                "variable_sites": part.space.size,
                **dict(zip(("all", "inequivalent"), part.count(), strict=True)),
                "indexed": len(part.configurations),
                "labelled": len(part.chosen),
            }
            for name, part in planned.selected.items()
        },
        "labels": labels,
        "targets": {
            name: {
                "quantity": t.kind,
                **({"label": t.label} if t.label else {}),
                **_shown(t.quantity),
                **({"compares_rows": True} if t.computed.compares_rows and spec.rules > 1 else {}),
                **({"notes": notes[name]} if notes[name] else {}),
            }
            for name, t in planned.targets.items()
        },
        "splits": list(planned.splits),
        "unverified": [name for name, source in spec.provenances().items() if not source.verified],
        "figures": figures,
    }


def _shown(quantity: Quantity) -> dict[str, str]:
    return {key: value for key, value in vars(quantity).items() if value}


def _label(lowest: LowestAttempts, jobs: Jobs) -> dict[str, Any]:
    """Return how labels by one method were made, and what became of them."""
    versions: set[str] = set()
    levels: set[str] = set()
    problems: Counter[str] = Counter()
    made = missing = references = converged = reconstructed = 0
    seconds = 0.0
    phases = 0
    for id_, tried, every in lowest.each(jobs):
        phases += id_.startswith(REFERENCE)
        seconds += sum(label.seconds for label in every)
        if tried is None:
            missing += 1
            continue
        label = tried.label
        made += 1
        versions.add(label.engine_version)
        levels.add(label.level_of_theory)
        references += id_.startswith(REFERENCE)
        converged += label.outcome is not None and label.outcome.converged
        reconstructed += bool(tried.reconstructed)
        if label.problem:
            problems[kind_of_problem(label.problem)] += 1
    attempts = len(attempts_of(lowest.method))
    calculations = made + missing - phases
    return {
        **lowest.method.description(),
        **({"structures": lowest.method.structures} if lowest.method.structures else {}),
        "engine_versions": sorted(versions),
        "level_of_theory": sorted(levels),
        "labels": made,
        "missing": missing,
        "references": references,
        **({"attempts": attempts} if attempts > 1 else {}),
        "converged": converged,
        **({"reconstructed": reconstructed} if lowest.method.keeps_left else {}),
        **({"oxidation_states": "merged", "calculations": calculations} if lowest.method.merged else {}),
        "discarded": dict(sorted(problems.items())),
        "core_seconds": round(seconds, 1),
    }
