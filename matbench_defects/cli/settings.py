"""Settings from the command line: ``--set NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from matbench_defects.errors import InputError


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Return settings given as ``name=value``, values in YAML.

    Raises
    ------
    InputError
        If one is not of that form.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            result[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals:
            raise InputError(f"NAME=VALUE was expected after --set, not '{pair}'")
    return result


def settings_by_model(pairs: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the settings that each model is given.

    Parameters
    ----------
    pairs : sequence of str
        ``NAME=VALUE`` for every model, ``MODEL.NAME=VALUE`` for one of several; that for one comes before that for all.
    names : sequence of str
        The models.

    Raises
    ------
    InputError
        If one is not of that form.
    """
    given = parse_settings(pairs)
    result: dict[str, dict[str, Any]] = {name: {} for name in names}
    alone = {key for key in given if key.rpartition(".")[0] in result}
    for key in sorted(given, key=alone.__contains__):
        model, _, setting = key.rpartition(".")
        for name in [model] if key in alone else names:
            result[name][setting if key in alone else key] = given[key]
    return result
