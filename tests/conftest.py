"""What several test folders need: a cache of their own, and the LiNiO2 dataset built from its committed labels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from matbench_defects.shipped import shipped_specs

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Machines that run tests are shared and slow at times; the same examples everywhere keep a failure from being luck.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or writes the user's cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("MATBENCH_DEFECTS_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def lno_labels() -> Path:
    """The committed labels of ``lno-cathode``."""
    return shipped_specs()["lno-cathode"].parent / "labels.parquet"


@pytest.fixture(scope="session")
def lno(tmp_path_factory, lno_labels):
    """The dataset ``lno-cathode``, built from its committed labels."""
    from matbench_defects.dataset.build import build_dataset
    from matbench_defects.spec.loading import load_spec

    return build_dataset(load_spec("lno-cathode"), tmp_path_factory.mktemp("lno") / "lno-cathode", labels=lno_labels)
