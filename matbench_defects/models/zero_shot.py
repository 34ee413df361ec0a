"""Universal potentials without any fitting: the static energy of the ideal structure stands for the relaxed one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.space import Space
from matbench_defects.dataset.structures import row_crystal
from matbench_defects.dataset.targets import Labelled, LabelledRow
from matbench_defects.dataset.targets.end_members import is_end_member
from matbench_defects.dataset.targets.formation_energy import FormationEnergy
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.labels.engine import Method, engines
from matbench_defects.labels.jobs import REFERENCE
from matbench_defects.labels.running import Job, run_jobs
from matbench_defects.labels.store import LabelStore
from matbench_defects.models.model import INVARIANCES, ModelSettings, Prediction, Rows, State, models
from matbench_defects.shipped import cache_folder


class ZeroShot:
    """Formation energies from one engine's static energies of the ideal structures; nothing is fitted.

    End members and reference phases are computed by the same engine in the same way, so no label enters at all. Their
    energies are kept in the cache as labels are, and the time they took is reported also when they come from there.
    """

    Settings: ClassVar[type[ModelSettings]] = ModelSettings
    engine: ClassVar[str]
    seeded: ClassVar[bool] = False
    invariances: ClassVar[frozenset[str]] = INVARIANCES

    def __init__(self, settings: Any, seed: int, device: str) -> None:
        self.settings = settings
        self.seed = seed
        self.method = Method(f"{self.engine}_static", self.engine, engines.get(self.engine).Settings(), None)

    def fit(self, rows: Rows, values: NDArray[np.float64], validation: tuple[Rows, NDArray[np.float64]] | None) -> None:
        """Do nothing: that is what zero-shot means."""

    def predict(self, rows: Rows) -> Prediction:
        """Return the formation energy of each ideal structure.

        Raises
        ------
        InputError
            If the target is not a formation energy, or an energy cannot be computed.
        """
        target = rows.background.resolved.computed
        if not isinstance(target, FormationEnergy):
            raise InputError(f"a zero-shot potential predicts formation energies, not {rows.background.target}")
        spaces = rows.background.spaces
        asked = [
            (row["id"], spaces[row["space"]], row_crystal(row), np.frombuffer(row["occupation"], dtype=np.uint8))
            for row in rows.table.to_pylist()
        ]
        ends = [member for space in sorted({s.name for _, s, _, _ in asked}) for member in _ends(spaces[space], target)]
        hosts = {name: space.digest() for name, space in spaces.items()}
        jobs = {id_: Job(id_, hosts[space.name], crystal, self.method) for id_, space, crystal, _ in [*ends, *asked]}
        phases = reference_parents(rows.background.spec)
        for name in target.settings.references:
            crystal, id_ = phases[name].crystal, REFERENCE + name
            jobs[id_] = Job(id_, phases[name].digest(), crystal, self.method)
        store = LabelStore(cache_folder() / "labels" / f"{rows.background.spec.name}.parquet")
        labels = run_jobs(list(jobs.values()), [store])
        for id_, job in jobs.items():
            if not labels[job.key].usable:
                raise InputError(f"{self.engine} gives no energy for {id_}: {labels[job.key].problem}")

        members = [
            LabelledRow(id_, space, space.content(occupation), occupation, labels[jobs[id_].key])
            for id_, space, _, occupation in [*asked, *ends]
        ]
        found = {name: labels[jobs[REFERENCE + name].key] for name in target.settings.references}
        values = target.values(Labelled(members, found))[: len(asked)]
        seconds = sum(labels[jobs[id_].key].seconds for id_, *_ in asked)
        return Prediction(np.array(values, dtype=np.float64), seconds=seconds)

    def state(self) -> State:
        """Return nothing: nothing was learnt."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing."""

    @property
    def parameters(self) -> int | None:
        """Nothing is fitted."""
        return 0


def _ends(space: Space, target: FormationEnergy) -> list[tuple[Any, ...]]:
    wanted = target.settings.end_members
    contents = [c for c in space.contents() if any(is_end_member(space, c, w) for w in wanted)]
    if not contents:
        return []
    found = enumerate_configurations(space, contents)
    return [
        (id_, space, space.crystal(occupation), occupation)
        for id_, occupation in zip(found.ids(), found.occupations, strict=True)
    ]


@models.register("sevennet-zero-shot")
class SevenNetZeroShot(ZeroShot):
    """SevenNet-0, zero-shot."""

    engine: ClassVar[str] = "sevennet"
    title: ClassVar[str] = "SevenNet-0, zero-shot"
    description: ClassVar[str] = "Static energy of the ideal structure by 7net-0, against end members by the same."
    references: ClassVar[tuple[str, ...]] = ("10.1021/acs.jctc.4c00190",)


@models.register("chgnet-zero-shot")
class CHGNetZeroShot(ZeroShot):
    """CHGNet, zero-shot."""

    engine: ClassVar[str] = "chgnet"
    title: ClassVar[str] = "CHGNet, zero-shot"
    description: ClassVar[str] = (
        "Static energy of the ideal structure by CHGNet 0.3.0, against end members by the same."
    )
    references: ClassVar[tuple[str, ...]] = ("10.1038/s42256-023-00716-3",)
