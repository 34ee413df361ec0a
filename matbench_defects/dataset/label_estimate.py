"""What the labels of a spec cost, before any is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matbench_defects.labels.attempts import attempts_of
from matbench_defects.labels.engine import Method, methods_of, reference_method
from matbench_defects.spec.models import Spec

if TYPE_CHECKING:
    from matbench_defects.dataset.plan import Plan


@dataclass(frozen=True)
class LabelEstimate:
    """What one kind of label costs.

    Parameters
    ----------
    method : Method
        Engine, settings and relaxation.
    wanted : int
        Calculations that the spec asks for: every attempt at a label, and those that measure its noise.
    present : int
        Of these, how many the table of labels beside the spec may already have.
    seconds : float or None
        Mean time of one on one core, from the labels that are there; None where there are none.
    calls : int
        Of a time that was estimated from a single energy, how many a label is assumed to need; 0 else.
    """

    method: Method
    wanted: int
    present: int
    seconds: float | None
    calls: int = 0


def estimate_labels(
    spec: Spec, labelled: int, known: dict[str, tuple[int, float]], planned: Plan | None = None
) -> list[LabelEstimate]:
    """Return what the labels of a spec cost.

    Parameters
    ----------
    spec : Spec
        The spec.
    labelled : int
        Configurations that are labelled.
    known : dict of str to (int, float)
        By the digest of a method, how many labels are already there and what one took, seconds; no other times are
        quoted.
    planned : Plan, optional
        The rows, where they are chosen already: only they tell which are end members and take more attempts.
    """
    result = []
    for position, (method, label) in enumerate(zip(methods_of(spec), spec.labels, strict=True)):
        attempts, of_references = len(attempts_of(method)), len(attempts_of(method, refers=True))
        rows, references = labelled, 0
        if planned is not None:
            chosen = planned.rows_of(position)
            rows = len(chosen)
            if of_references > attempts:  # only then are ids needed
                references = sum(row.id in planned.references for row in chosen)
        elif label.configurations is not None:
            rows = min(labelled, (label.configurations.count or 0) + len(label.configurations.also))
        phases = 0 if method.charge else len(spec.reference_phases)
        wanted = (rows - references) * attempts + (references + phases) * of_references
        if planned is not None and method.merged:
            wanted = len(planned.jobs.of(method.name))
        if label.noise is not None:
            wanted += min(label.noise.rows, labelled) * attempts + min(label.noise.tightened, labelled)
        ways = {method.digest(), *(reference_method(spec, name, method).digest() for name in spec.reference_phases)}
        present = sum(known[way][0] for way in ways if way in known)
        mean = known.get(method.digest(), (0, None))[1]
        result.append(LabelEstimate(method, wanted, min(wanted, present), mean))
    return result
