"""Spaces with labels made by hand, for tests of target quantities."""

from __future__ import annotations

import numpy as np
import yaml

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.phases import reference_parents
from matbench_defects.crystal.structure import Crystal
from matbench_defects.dataset.targets import Domain, Labelled, LabelledConfiguration, quantities
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.labels.engine import Outcome
from matbench_defects.labels.store import Key, Label
from matbench_defects.spec.loading import load_spec

HEAD = """
name: case
version: 1.0.0
title: A case
"""


def domain_of(folder, text):
    """Return the domain of a spec given as text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.yaml").write_text(HEAD + text)
    spec = load_spec(folder)
    return Domain(build_spaces(spec), reference_parents(spec))


def quantity_of(kind, settings, domain):
    """Return a quantity with its unit, both made from settings as a spec gives them."""
    made = quantities.get(kind)
    given = yaml.safe_load(settings) if isinstance(settings, str) else settings
    computed = made(made.Settings.model_validate(given), "by_hand")
    return computed, computed.quantity(domain)


def outcome_of(crystal, energy, moments=None, strain=None):
    """Return what an engine would have found: the crystal, strained if asked, and an energy in eV."""
    if strain is not None:
        crystal = Crystal(crystal.lattice @ strain, crystal.species, crystal.positions @ strain)
    return Outcome(energy, crystal, 0.0, 0.0, moments, True, 1)


def label_of(id_, outcome):
    """Return a usable label."""
    return Label(Key(id_, "method", "host"), "hand 1", "by hand", {}, outcome, "", 1.0)


def labelled_of(domain, energy, phases=None, **changes):
    """Return every configuration of a domain, labelled with what a function of (crystal, row number) says."""
    rows = []
    for space in domain.spaces.values():
        for one in enumerate_configurations(space):
            outcome = outcome_of(one.crystal, float(energy(one.crystal, len(rows))), **changes)
            rows.append(LabelledConfiguration.of(one, label_of(one.id, outcome)))
    made = {
        name: label_of(
            f"reference:{name}", outcome_of(domain.phases[name].crystal, per_atom * len(domain.phases[name].species))
        )
        for name, per_atom in (phases or {}).items()
    }
    return Labelled(rows, made)


def rotation(seed):
    """Return a random proper rotation, shape (3, 3)."""
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


__all__ = ["domain_of", "label_of", "labelled_of", "outcome_of", "quantity_of", "rotation"]
