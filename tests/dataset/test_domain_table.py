"""The table of domains in specs/README.md says what the committed specs and labels say."""

from __future__ import annotations

from collections import Counter

import pytest

from matbench_defects.crystal.phases import REFERENCE
from matbench_defects.dataset.plan import plan
from matbench_defects.enumeration.counting import count_space
from matbench_defects.labels.guards import kind_of_problem
from matbench_defects.labels.store import LabelStore
from matbench_defects.shipped import shipped_specs
from matbench_defects.spec.loading import load_spec

README = next(iter(shipped_specs().values())).parents[1] / "README.md"


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_specs())
def test_the_row_of_a_domain(name):
    stated = _stated(name)
    expected = _rows(name)
    assert stated == expected, "the table should say:\n" + "\n".join(" | ".join(row) for row in expected)


def _stated(name: str) -> list[tuple[str, ...]]:
    """Return the rows of a domain without its title: the first names it, those of further labels leave that empty."""
    rows: list[tuple[str, ...]] = []
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if len(cells) == 8 and (cells[0].startswith(f"`{name}`:") or (rows and not cells[0])):
            rows.append(cells[1:])
        elif rows:
            break
    return rows


def _rows(name: str) -> list[tuple[str, ...]]:
    spec = load_spec(name)
    planned = plan(spec)
    store = LabelStore(shipped_specs()[name].parent / "labels.parquet")
    inequivalent = sum(count_space(part.space)[1] for part in planned.selected.values())
    rows: list[tuple[str, ...]] = []
    for method in planned.methods:
        keys = [job.key for job in planned.jobs if job.method.name == method.name]
        labels = [store.get(key) for key in keys if not key.id.startswith(REFERENCE)]
        present = [label for label in labels if label is not None]
        problems = Counter(kind_of_problem(label.problem) for label in present if label.problem)
        hours = sum(label.seconds for label in map(store.get, keys) if label is not None) / 3600
        against = [one for one in spec.comparisons if one.label == method.name]
        rows.append(
            (
                _number(inequivalent) if not rows else "",
                f"`{method.name}`",
                str(len(present)) if len(present) == len(labels) else f"{len(present)} of {len(labels)}",
                str(sum(label.outcome is not None and label.outcome.converged for label in present)),
                "; ".join(f"{count} {kind}" for kind, count in sorted(problems.items())) or "none",
                f"{hours:.1f}",
                "; ".join(f"{one.mae:.3f} {one.unit}, {one.spearman:.2f} ({one.rows})" for one in against) or "none",
            )
        )
    return rows


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ") if value < 10**9 else f"{value:.1e}"
