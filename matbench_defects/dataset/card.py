"""The dataset's card: what it holds, where it comes from, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.parts import PARTS
from matbench_defects.dataset.reading import WHOLE, noise_words
from matbench_defects.dataset.told_by_card import dataset_info
from matbench_defects.files import sha256_of_file, write_text
from matbench_defects.spec.document import dump_yaml
from matbench_defects.spec.models import Spec

MOST_NAMED = 12
"""So many compositions on a hull are named."""


def write_card(
    path: Path, spec: Spec, spaces: dict[str, Space], manifest: dict[str, Any], audit: dict[str, Any], parts: list[str]
) -> None:
    """Write ``README.md``: the YAML that the Hub and ``datasets`` read, then words and tables for people.

    Parameters
    ----------
    path : path
        Where it goes.
    spec : Spec
        The spec.
    spaces : dict of str to Space
        Its spaces.
    manifest : dict
        What the manifest says.
    audit : dict
        The audit of each split.
    parts : list of str
        The parts that the structures lie in.
    """
    sections = [
        f"# {spec.title}",
        spec.description,
        _counts(spec, spaces, manifest),
        "\n".join(f"![{caption}]({file})\n\n*{caption}.*\n" for file, caption in manifest["figures"].items()),
        _use(spec, parts),
        _targets(manifest),
        _thermodynamics(manifest),
        _charges(manifest),
        _labels(spec, manifest),
        _lock(manifest),
        _splits(audit),
        _provenance(spec),
        _citation(spec),
    ]
    body = "\n\n".join(section.strip() for section in sections if section.strip())
    front = _front_matter(spec, manifest, parts)
    folder = path.parent
    files = {p.relative_to(folder).as_posix(): sha256_of_file(p) for p in sorted((folder / "data").rglob("*.parquet"))}
    about = f"{spec.name} {spec.version}"
    front["dataset_info"] = [dataset_info(config, about, folder, files) for config in front["configs"]]
    write_text(path, f"---\n{dump_yaml(front)}---\n\n{body}\n")


def _front_matter(spec: Spec, manifest: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    rows = sum(space["indexed"] for space in manifest["spaces"].values())
    sizes = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]
    size = next((name for limit, name in sizes if rows < limit), "10M<n<100M")
    return {
        "pretty_name": spec.title,
        "license": spec.license.lower(),
        "tags": ["chemistry", "materials-science", "crystal-defects", "disorder", "matbench-defects"],
        "size_categories": [size],
        "configs": [
            {
                "config_name": "structures",
                "default": True,
                "data_files": [{"split": part, "path": f"data/structures/{part}.parquet"} for part in parts],
            },
            {"config_name": "index", "data_files": [{"split": WHOLE, "path": "data/index/*.parquet"}]},
            *_free_energies(manifest),
            *_charge_states(manifest),
        ],
    }


def _free_energies(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    files = [{"split": WHOLE, "path": "data/free_energies/*.parquet"}]
    return [{"config_name": "free_energies", "data_files": files}] if manifest.get("thermodynamics") else []


def _charge_states(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    files = [{"split": WHOLE, "path": "data/charge_states/*.parquet"}]
    return [{"config_name": "charge_states", "data_files": files}] if manifest.get("charge_states") else []


def _charges(manifest: dict[str, Any]) -> str:
    facts = manifest.get("charge_states")
    if not facts:
        return ""
    counts = ", ".join(f"{int(charge):+d} in {number}" for charge, number in facts["stable"].items())
    return (
        "## Charge states\n\n"
        f"`data/charge_states/` holds, of {facts['defects']} configurations, the formation energy of each charge state "
        "with the Fermi level at the valence-band maximum, and the Fermi levels between which the state is stable, "
        f"which are the transition levels. Stable somewhere in the gap: {counts}."
    )


def _table(header: list[str], rows: list[list[Any]]) -> str:
    def line(cells: list[Any]) -> str:
        return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return "\n".join([line(header), "|" + "---|" * len(header), *(line(row) for row in rows)])


def _counts(spec: Spec, spaces: dict[str, Space], manifest: dict[str, Any]) -> str:
    rows = [
        [name, s["parent"], s["space_group"], s["group_order"], s["variable_sites"], f"{s['all']:,}"]
        + [f"{s['inequivalent']:,}", f"{s['labelled']:,}"]
        for name, s in manifest["spaces"].items()
    ]
    header = ["Space", "Parent", "Space group", "Operations", "Variable sites", "Configurations", "Inequivalent"]
    text = "## What it holds\n\n" + _table([*header, "Labelled"], rows)
    sampled = [name for name, s in manifest["spaces"].items() if s["indexed"] < s["inequivalent"]]
    named = {n for n, (part, _) in spec.all_spaces().items() if part.configurations.from_file is not None}
    taken = [name for name in sampled if (spaces[name].family or name) in named]
    several = [name for name in taken if spaces[name].family]
    alone = "holds the labelled configurations alone"
    if others := [name for name in sampled if name not in taken]:
        text += f"\n\nThe index of {', '.join(others)} {alone}: there are too many others."
    if taken:
        text += f"\n\nThe index of {_first_and_last(taken)} {alone}: those that a file names."
    if several:
        text += (
            f" The numbers of {_first_and_last(several)} are counted, not enumerated, and count repetitions of smaller "
            "cells too, which belong to those."
        )
    return text


def _first_and_last(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 4 else f"{names[0]} to {names[-1]}"


def _use(spec: Spec, parts: list[str]) -> str:
    first = parts[0]
    return f"""## Use

```python
from datasets import load_dataset
from matbench_defects import to_ase, to_pymatgen

here = "path/to/{spec.name}"  # this folder, or its repository on the Hub with revision="{spec.version}"
structures = load_dataset(here)          # the labelled selection: {", ".join(parts)}
every_one = load_dataset(here, "index")   # every inequivalent configuration, compactly
row = structures["{first}"][0]
ideal = to_pymatgen(row)
```

`matbench_defects.load_dataset` opens either and compares every file with its digest in `manifest.json`.

`lattice_vectors`, `cartesian_site_positions` and `species_at_sites` (names of OPTIMADE) are the ideal, unrelaxed
structure: what a model sees. Relaxed structures stand in columns that begin with the label's name. Unit, divisor
and reference state of a column are in its Arrow metadata. The parts shown are those of the first split; the others
stand in `split_` columns; where a split has folds, its column holds the row's part in each of them."""


def _targets(manifest: dict[str, Any]) -> str:
    if not manifest["targets"]:
        return ""
    rows = [
        [f"`{name}`", t.get("description", t["quantity"]), t["unit"], t.get("per", ""), t.get("reference", "")]
        for name, t in manifest["targets"].items()
    ]
    text = "## Targets\n\n" + _table(["Column", "What", "Unit", "Per", "Relative to"], rows)
    notes = [f"- `{name}`. {note}." for name, t in manifest["targets"].items() for note in t.get("notes", [])]
    notes += [f"- `{name}`. {noise_words(t)}" for name, t in manifest["targets"].items() if t.get("noise")]
    return text + ("\n\n" + "\n".join(notes) if notes else "")


def _thermodynamics(manifest: dict[str, Any]) -> str:
    facts = manifest.get("thermodynamics")
    if not facts:
        return ""
    shown = [
        [
            f"{temperature} K",
            len(names),
            ", ".join(names) if len(names) <= MOST_NAMED else f"{', '.join(names[:MOST_NAMED])}, ...",
        ]
        for temperature, names in facts["on_the_hull"].items()
    ]
    left = (
        f" {facts['left_out']} are left out, since a configuration of theirs has no usable label."
        if facts["left_out"]
        else ""
    )
    return (
        "## Free energies\n\n"
        f"Of {facts['compositions']} compositions `data/free_energies/` holds the configurational free energy from the "
        f"whole partition function within the supercell, by `{facts['label']}`, and the distance to the hull that they "
        f"and the reference phases span; without vibrations.{left}\n\n"
        + _table(["Temperature", "Compositions on the hull", "Which"], shown)
    )


def _labels(spec: Spec, manifest: dict[str, Any]) -> str:
    if not manifest["labels"]:
        return ""
    rows = []
    for name, made in manifest["labels"].items():
        relax = made["relax"]
        how = "static, ideal positions"
        if made.get("structures"):
            how = f"static, on the structures of `{made['structures']}`"
        if relax is not None:
            what = "positions and cell" if relax["cell"] else "positions"
            what += f" along {' and '.join(relax['cell'])}" if isinstance(relax["cell"], list) else ""
            how = f"{what} relaxed to {relax['fmax']} eV/Å, {relax['optimizer']}, at most {relax['steps']} steps"
            if relax.get("rattle"):
                how += f"; the lowest of {made.get('attempts', 1)} starts, atoms moved at random by {relax['rattle']} Å"
        settings = _settings(made["settings"])
        discarded = "; ".join(f"{n}: {p}" for p, n in made["discarded"].items()) or "none"
        rows.append(
            [f"`{name}`", f"{', '.join(made['engine_versions'])} ({settings})", "; ".join(made["level_of_theory"]), how]
            + [made["labels"], made["references"], made["missing"], made["converged"], discarded]
            + [f"{made['core_seconds'] / 3600:.2f}"]
        )
    header = ["Label", "Engine", "Level of theory", "How", "Labels", "Of reference phases", "Missing", "Converged"]
    text = "## Labels, and how far to trust them\n\n" + _table([*header, "Discarded", "Core hours"], rows)
    merged = [name for name, made in manifest["labels"].items() if made.get("oxidation_states") == "merged"]
    for name in merged:
        made = manifest["labels"][name]
        labelled = sum(space["labelled"] for space in manifest["spaces"].values())
        text += (
            f"\n\n`{name}` sees elements alone: rows that differ in oxidation states alone share one calculation, "
            f"named in `{name}_calculation`. {labelled} rows share {made['calculations']} calculations, and no "
            "difference between such rows can be learnt from it; of rows that share one, none is tested that another "
            "is fitted on."
        )
    if missing := sum(made["missing"] for made in manifest["labels"].values()):
        text += (
            f"\n\n**{missing} labels are missing.** Configurations without any are left out, and what refers to a "
            "missing one is empty."
        )
    if spec.comparisons:
        rows = [
            [f"`{c.label}`", c.against, c.rows, f"{c.mae:g} {c.unit}", f"{c.spearman:g}", c.note]
            for c in spec.comparisons
        ]
        text += "\n\nCompared with better numbers:\n\n" + _table(
            ["Label", "Against", "Structures", "Mean absolute difference", "Spearman", "Note"], rows
        )
    else:
        text += "\n\nNo comparison with better numbers has been made."
    return text


def _settings(settings: dict[str, Any]) -> str:
    """Return an engine's settings for people; what is nested is told in brackets."""
    parts = [f"{k} ({_settings(v)})" if isinstance(v, dict) else f"{k} {v}" for k, v in settings.items()]
    return ", ".join(parts)


def _lock(manifest: dict[str, Any]) -> str:
    notes = manifest.get("differs_from_lock")
    return "This build differs from the locked version: " + "; ".join(notes) + "." if notes else ""


def _splits(audit: dict[str, Any]) -> str:
    if not audit:
        return ""
    rows = []
    for name, found in audit.items():
        sides = list(found["folds"].values()) if "folds" in found else [found]
        how = found["description"]
        if found["kept apart"]:
            how += f" Kept apart, and checked: {', '.join(found['kept apart'])}."
        if found.get("copies left out"):
            how += f" Left out as copies of a structure in another part: {found['copies left out']}."
        counts = [_span(side["rows"][part] for side in sides) for part in (*PARTS, "left out")]
        rows.append([f"`{name}`", how, len(sides) if "folds" in found else "", *counts])
        rows[-1] += [sum(side["orbits in two parts"] for side in sides), _nearest(sides)]
    header = ["Split", "How", "Folds", "Train", "Validation", "Test", "Left out", "Orbits in two parts"]
    return (
        "## Splits\n\n"
        + _table([*header, "Test rows by sites that differ from the nearest training row"], rows)
        + "\n\nContents per part, and each fold on its own, are listed in `audit.json`."
    )


def _span(numbers: Iterable[int]) -> str:
    """Return one number, or the smallest and largest of several."""
    low, *_, high = sorted([*numbers] * 2)
    return str(low) if low == high else f"{low} to {high}"


def _nearest(sides: list[dict[str, Any]]) -> str:
    """Return how many test rows, of all folds together, differ by how many sites from the nearest training row."""
    counted: Counter[int] = Counter()
    for side in sides:
        nearest = side["test against train"].get("sites that differ from the nearest training row", {})
        counted.update({int(k): n for k, n in nearest.items()})
    return ", ".join(f"{n} by {k}" for k, n in sorted(counted.items())) or "not comparable"


def _provenance(spec: Spec) -> str:
    rows = [
        [name, p.source, p.doi or "", "yes" if p.verified else "**unverified**"]
        for name, p in spec.provenances().items()
    ]
    unverified = sum(not p.verified for p in spec.provenances().values())
    text = "## Where parents and choices come from\n\n"
    if unverified:
        text += f"{unverified} of {len(rows)} are unverified: nobody has compared their numbers with the source.\n\n"
    return text + _table(["What", "Source", "DOI", "Verified"], rows)


def _citation(spec: Spec) -> str:
    text = f"## Licence and citation\n\n{spec.license}. Cite as: matbench-defects, dataset {spec.name} {spec.version}"
    if spec.references:
        text += "; and the work it rests on: " + ", ".join(f"doi:{doi}" for doi in spec.references)
    return text + "."
