"""Pieces of YAML that a new spec is made of."""

from __future__ import annotations

import json
import re
import textwrap

from matbench_defects.dataset.first_spec.sublattices import SuggestedSublattice

WIDTH = 116
"""Columns of a comment."""
_RESERVED = {"null", "true", "false", "yes", "no", "on", "off"}
"""In any case, so that no reader of YAML takes a name for something else: oxygen and nitrogen are ``ON``."""


def scalar(text: str) -> str:
    """Return a string as YAML, quoted where it could be read as something else."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text) and text.lower() not in _RESERVED
    return text if plain else json.dumps(text, ensure_ascii=False)


def sublattice_entry(sublattice: SuggestedSublattice, species: str) -> str:
    """Return the entry of a sublattice that holds some species."""
    if sublattice.sites is None:
        return f"{scalar(sublattice.name)}: {species}"
    sites = ", ".join(scalar(site) for site in sublattice.sites)
    return f"{scalar(sublattice.name)}: {{sites: [{sites}], species: {species}}}"


def commented(text: str, indent: str = "") -> list[str]:
    """Return a text as lines of comment."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False
    )
