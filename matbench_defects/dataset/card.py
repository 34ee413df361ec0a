"""The dataset's card: what it holds, where it comes from, and how far to trust it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matbench_defects.crystal.space import Space
from matbench_defects.dataset.reading import WHOLE
from matbench_defects.files import write_text
from matbench_defects.spec.document import dump_yaml
from matbench_defects.spec.models import Spec
from matbench_defects.spec.parents import ParentSpec


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
        _counts(manifest),
        "\n".join(f"![{caption}]({file})\n\n*{caption}.*\n" for file, caption in manifest["figures"].items()),
        _use(spec, parts),
        _targets(manifest),
        _labels(spec, manifest),
        _splits(audit),
        _provenance(spec),
        _citation(spec),
    ]
    body = "\n\n".join(section.strip() for section in sections if section.strip())
    write_text(path, f"---\n{dump_yaml(_front_matter(spec, manifest, parts))}---\n\n{body}\n")


def _front_matter(spec: Spec, manifest: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    rows = sum(space["inequivalent"] for space in manifest["spaces"].values())
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
        ],
    }


def _table(header: list[str], rows: list[list[Any]]) -> str:
    def line(cells: list[Any]) -> str:
        return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return "\n".join([line(header), "|" + "---|" * len(header), *(line(row) for row in rows)])


def _counts(manifest: dict[str, Any]) -> str:
    rows = [
        [name, s["parent"], s["space_group"], s["group_order"], s["variable_sites"], f"{s['all']:,}"]
        + [f"{s['inequivalent']:,}", f"{s['labelled']:,}"]
        for name, s in manifest["spaces"].items()
    ]
    header = ["Space", "Parent", "Space group", "Operations", "Variable sites", "Configurations", "Inequivalent"]
    return "## What it holds\n\n" + _table([*header, "Labelled"], rows)


def _use(spec: Spec, parts: list[str]) -> str:
    first = parts[0]
    return f"""## Use

```python
from datasets import load_dataset
from matbench_defects.dataset.export import to_ase, to_pymatgen

structures = load_dataset("path/to/{spec.name}")          # the labelled selection: {", ".join(parts)}
every_one = load_dataset("path/to/{spec.name}", "index")   # every inequivalent configuration, compactly
row = structures["{first}"][0]
ideal = to_pymatgen(row)
```

`lattice_vectors`, `cartesian_site_positions` and `species_at_sites` (names of OPTIMADE) are the ideal, unrelaxed
structure: what a model sees. Relaxed structures stand in columns that begin with the label's name. Unit, divisor
and reference state of a column are in its Arrow metadata. The parts shown are those of the first split; the others
stand in `split_` columns."""


def _targets(manifest: dict[str, Any]) -> str:
    if not manifest["targets"]:
        return ""
    rows = [
        [f"`{name}`", t.get("description", t["quantity"]), t["unit"], t.get("per", ""), t.get("reference", "")]
        for name, t in manifest["targets"].items()
    ]
    text = "## Targets\n\n" + _table(["Column", "What", "Unit", "Per", "Relative to"], rows)
    notes = [f"- `{name}`. {note}." for name, t in manifest["targets"].items() for note in t.get("notes", [])]
    return text + ("\n\n" + "\n".join(notes) if notes else "")


def _labels(spec: Spec, manifest: dict[str, Any]) -> str:
    if not manifest["labels"]:
        return ""
    rows = []
    for name, made in manifest["labels"].items():
        relax = made["relax"]
        how = "static, ideal positions"
        if relax is not None:
            what = "positions and cell" if relax["cell"] else "positions"
            how = f"{what} relaxed to {relax['fmax']} eV/Å, {relax['optimizer']}, at most {relax['steps']} steps"
        settings = _settings(made["settings"])
        discarded = "; ".join(f"{n}: {p}" for p, n in made["discarded"].items()) or "none"
        rows.append(
            [f"`{name}`", f"{', '.join(made['engine_versions'])} ({settings})", "; ".join(made["level_of_theory"]), how]
            + [made["labels"], made["references"], made["missing"], made["converged"], discarded]
            + [f"{made['core_seconds'] / 3600:.2f}"]
        )
    header = ["Label", "Engine", "Level of theory", "How", "Labels", "Of reference phases", "Missing", "Converged"]
    text = "## Labels, and how far to trust them\n\n" + _table([*header, "Discarded", "Core hours"], rows)
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


def _splits(audit: dict[str, Any]) -> str:
    if not audit:
        return ""
    text = "## Splits\n\n"
    rows = []
    for name, found in audit.items():
        counts = found["rows"]
        nearest = found["test against train"].get("sites that differ from the nearest training row", {})
        shown = ", ".join(f"{n} by {k}" for k, n in nearest.items()) or "not comparable"
        rows.append(
            [f"`{name}`", found["description"], counts["train"], counts["validation"], counts["test"]]
            + [counts["left out"], found["orbits in two parts"], shown]
        )
    header = ["Split", "How", "Train", "Validation", "Test", "Left out", "Orbits in two parts"]
    return (
        text
        + _table([*header, "Test rows by sites that differ from the nearest training row"], rows)
        + "\n\nContents per part are listed in `audit.json`."
    )


def _provenance(spec: Spec) -> str:
    parents: dict[str, ParentSpec] = {name: part.parent for name, (part, _) in spec.all_spaces().items()}
    parents |= {f"reference phase {name}": phase for name, phase in spec.reference_phases.items()}
    rows = [
        [name, p.provenance.source, p.provenance.doi or "", "yes" if p.provenance.verified else "**unverified**"]
        for name, p in parents.items()
    ]
    unverified = sum(not p.provenance.verified for p in parents.values())
    text = "## Where the parents come from\n\n"
    if unverified:
        text += f"{unverified} of {len(parents)} are unverified: nobody has compared their numbers with the source.\n\n"
    return text + _table(["Parent", "Source", "DOI", "Verified"], rows)


def _citation(spec: Spec) -> str:
    text = f"## Licence and citation\n\n{spec.license}. Cite as: matbench-defects, dataset {spec.name} {spec.version}"
    if spec.references:
        text += "; and the work it rests on: " + ", ".join(f"doi:{doi}" for doi in spec.references)
    return text + "."
