"""Splits: every row in at most one part, none moved by growth, mistakes named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench_defects.crystal.building import build_spaces
from matbench_defects.crystal.configuration import Configuration
from matbench_defects.dataset.splits import operators, splits_of
from matbench_defects.dataset.splits.random import RandomSettings
from matbench_defects.dataset.splits.thresholds import ThresholdSettings, holds
from matbench_defects.enumeration.orderly import enumerate_configurations
from matbench_defects.errors import InputError
from matbench_defects.spec.loading import load_spec

SPACE = build_spaces(load_spec("lno-cathode"))["lno-cathode"]


def row(name: str) -> Configuration:
    return Configuration.canonical(SPACE, np.zeros(SPACE.size, dtype=np.uint8), id=name)


@given(
    ids=st.lists(st.text(min_size=1), unique=True, max_size=40),
    more=st.lists(st.text(), max_size=20),
    seed=st.integers(0, 9),
)
def test_growth_moves_no_row(ids, more, seed):
    split = operators.get("random")(RandomSettings(train=0.6, validation=0.2, test=0.2, seed=seed), "", {})
    before = {i: split.part(row(i)) for i in ids}
    after = {i: split.part(row(i)) for i in [*more, *ids]}
    assert {i: after[i] for i in ids} == before


@settings(deadline=None, max_examples=20)
@given(shares=st.tuples(st.integers(1, 10), st.integers(0, 10), st.integers(1, 10)), seed=st.integers(0, 1000))
def test_shares_come_out(shares, seed):
    train, validation, test = (s / sum(shares) for s in shares)
    split = operators.get("random")(
        RandomSettings(train=train, validation=validation, test=1 - train - validation, seed=seed), "", {}
    )
    parts = [split.part(row(f"{i}")) for i in range(4000)]
    for part, share in (("train", train), ("validation", validation), ("test", test)):
        assert parts.count(part) / 4000 == pytest.approx(share, abs=0.04)  # five standard deviations


@given(number=st.integers(0, 30), limit=st.integers(0, 30))
def test_conditions(number, limit):
    assert holds(f">= {limit}", number) == (number >= limit)
    assert holds(f"<{limit}", number) == (number < limit)
    assert holds(str(limit), number) == (number == limit)
    assert holds(f"{limit}..{limit + 3}", number) == (limit <= number <= limit + 3)


def test_content_split_covers_every_configuration_once():
    split = operators.get("content")(ThresholdSettings(train=">= 6", test="< 6"), "Li", {"lno-cathode": SPACE})
    parts = [split.part(r) for r in enumerate_configurations(SPACE)]
    assert (parts.count("train"), parts.count("test"), parts.count(None)) == (52, 35, 0)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{by: rando, train: 1.0, test: 0}", "no split is called 'rando'; did you mean 'random'?"),
        ("{train: 0.6, test: 0.2}", "train, validation and test add up to 0.8, not 1"),
        ("{train: 0.6, tets: 0.4}", "splits.mine.tets: unknown field; did you mean 'test'?"),
        ("{by: content.Li, train: '>= 6', test: '<= 6'}", "6 Li would be in train and in test"),
        ("{by: content.Ni, train: '>= 6', test: '< 6'}", "no content is called 'Ni' in lno-cathode"),
        ("{by: content, train: '>= 6', test: '< 6'}", "say which species after a dot"),
        ("{by: content.Li, train: many, test: '< 6'}", "a condition such as '>= 6', '< 6', '6' or '3..5' was expected"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, split, message):
    path = tmp_path / "spec.yaml"
    path.write_text(f"extends: lno-cathode\nname: test\nspaces: {{lno-cathode: {{}}}}\nsplits:\n  mine: {split}\n")
    spec = load_spec(path)
    with pytest.raises(InputError) as caught:
        splits_of(spec, build_spaces(spec))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:5: ")
