"""Charge states of every labelled defect as a table: formation energies, and Fermi levels at which each is stable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matbench_defects.columns import Quantity
from matbench_defects.dataset.charge_transitions import stable_states
from matbench_defects.dataset.targets import Labelled, ResolvedTarget
from matbench_defects.dataset.targets.charged_defect_formation_energy import ChargedDefectFormationEnergy
from matbench_defects.dataset.targets.target import labelled_for
from matbench_defects.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def charge_state_table(targets: Mapping[str, ResolvedTarget], labelled: Mapping[str, Labelled]) -> pa.Table | None:
    """Return the charge states of every row, a row each, for each target of charged defects; None where there is none.

    Parameters
    ----------
    targets : mapping of str to ResolvedTarget
        The targets by name.
    labelled : mapping of str to Labelled
        The rows with each label, by the label's name.
    """
    import pyarrow as pa  # `check` does without

    rows: list[dict[str, Any]] = []
    of_charges = {name: target for name, target in targets.items() if target.kind == "charged_defect_formation_energy"}
    for name, target in of_charges.items():
        computed = target.computed
        assert isinstance(computed, ChargedDefectFormationEnergy)
        try:
            found = [one for one in computed.charged_rows(labelled_for(target, labelled)) if one is not None]
        except InputError:
            continue  # labels are still missing; the target's own note says so
        for one in found:
            stable = {state.charge: state for state in stable_states(one.lines, one.band_gap)}
            for charge in sorted(one.lines):
                state = stable.get(charge)
                rows.append(
                    {
                        "target": name,
                        "id": one.row.id,
                        "space": one.row.space.name,
                        "content": one.row.space.content_name(one.row.content),
                        "charge": charge,
                        "formation_energy": round(one.lines[charge], 6) + 0.0,
                        "stable_from": None if state is None else round(state.low, 6),
                        "stable_to": None if state is None else round(state.high, 6),
                        "band_gap": one.band_gap,
                    }
                )
    if not rows:
        return None
    above = "the valence-band maximum"
    schema = pa.schema(
        [
            pa.field("target", pa.string()),
            pa.field("id", pa.string()),
            pa.field("space", pa.string()),
            pa.field("content", pa.string()),
            Quantity("e", "cell", description="charge").field("charge", pa.int8()),
            Quantity("eV", "cell", f"the Fermi level at {above}", "defect formation energy").field("formation_energy"),
            Quantity("eV", "", above, "Fermi level from which on the charge is stable").field("stable_from"),
            Quantity("eV", "", above, "Fermi level up to which it is: a transition level").field("stable_to"),
            Quantity("eV", description="band gap").field("band_gap"),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def charge_state_facts(table: pa.Table) -> dict[str, Any]:
    """Return what a manifest says of charge states: how many defects, and how often each charge is stable somewhere."""
    stable: dict[str, int] = {}
    for charge, low in zip(table["charge"].to_pylist(), table["stable_from"].to_pylist(), strict=True):
        stable[str(charge)] = stable.get(str(charge), 0) + (low is not None)
    return {"defects": len(set(table["id"].to_pylist())), "stable": stable}
