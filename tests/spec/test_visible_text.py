"""Texts are what they look like."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from matbench_defects.spec.visible_text import check_line, skeleton

SUBMISSIONS = Path(__file__).resolve().parents[2] / "leaderboard" / "submissions"


@pytest.mark.parametrize(
    "text",
    [
        "SchNet",
        "ΔE-GP",
        "σGP with α",
        "ΔSCF",
        "µSR",
        "R² score",
        "Łukasz Żółć",
        "Nguyễn",
        "e\u0301",
        "Привет, мир",
        "Ангстрем",
        "Ελληνικά",
        "日本語 model",
        "한국어",
        "نمی\u200cخواهم",
        "क्\u200dष",
        "תַּנ",
        "1ª",
        "😀",
        "Straße",
        "“q”",
    ],
)
def test_texts_of_people_are_left_alone(text: str) -> None:
    assert check_line(text) == text


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("Mean", "mean"),
        ("MEAN", "mean"),
        ("M e-a_n!", "mean"),
        ("rnean", "mean"),
        ("Méan", "mean"),
        ("ＭＥＡＮ", "mean"),
        ("Меап", "mean"),
        ("МЕΑN", "mean"),
        ("𝐌ean", "mean"),
        ("ᎷᎬᎪN", "mean"),
        ("SchΝet", "SchNet"),
        ("5chNet", "5chnet"),
        ("c1uster-expans1on", "cluster expansion"),
        ("VVaterNet", "WaterNet"),
        ("Οlder", "0lder"),
        ("Straße", "STRASSE"),
    ],
)
def test_what_looks_alike_has_one_skeleton(text: str, alike: str) -> None:
    assert skeleton(text) == skeleton(alike)


def test_what_looks_different_has_another() -> None:
    for one, other in (("mean", "median"), ("SchNet", "CGCNN"), ("soap-ridge", "soap-gp"), ("model-2", "model-3")):
        assert skeleton(one) != skeleton(other)


def test_shipped_models_look_different() -> None:
    about = [yaml.safe_load(path.read_text()) for path in SUBMISSIONS.glob("*/*/submission.yaml")]
    for field in ("model", "title"):
        names = {each[field] for each in about}
        assert len({skeleton(name) for name in names}) == len(names)


@given(st.text(max_size=20))
def test_what_passes_shows_something_on_one_line(text: str) -> None:
    try:
        check_line(text)
    except ValueError as error:
        assert str(error).isprintable()
        return
    categories = {unicodedata.category(character) for character in text}
    assert len(text.splitlines()) == 1 and not {"Cc", "Cs", "Co", "Zl", "Zp"} & categories
    assert not categories <= {"Zs", "Mn", "Mc", "Me", "Cf"}
    assert skeleton(skeleton(text)) == skeleton(text)


@given(st.text(st.characters(max_codepoint=126, categories=["L", "N", "P", "S", "Zs"])).filter(str.strip))
def test_plain_text_passes(text: str) -> None:
    assert check_line(text) == text
