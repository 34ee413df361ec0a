"""What the README shows must work as it stands there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from matbench_defects.models.model import make_model, models
from matbench_defects.models.rows import Background, Rows
from matbench_defects.models.saving import load_model, save_model
from matbench_defects.spec.loading import load_spec

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_model_of_the_readme_works(lno, request, tmp_path):
    request.addfinalizer(lambda: models.forget("nearest-content"))
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (block,) = [block for block in blocks if "@models.register" in block]
    exec(textwrap.dedent(block), {"__name__": "readme"})  # our own README
    background = Background(lno.spec, "formation_energy", lno.quantity("formation_energy"))
    train = lno.part("random", "train", "formation_energy")
    test = lno.part("random", "test", "formation_energy")
    found = make_model("nearest-content")
    found.fit(Rows.of(train, background), train["formation_energy"].to_numpy(), None)
    save_model(found, tmp_path / "saved", "nearest-content", background)
    found = load_model(tmp_path / "saved").model
    lithium, values = (train[n].to_numpy() for n in ("content_Li_Li", "formation_energy"))
    for content, value in zip(
        test["content_Li_Li"].to_pylist(), found.predict(Rows.of(test, background)).values, strict=True
    ):
        alike = np.abs(lithium - content)
        assert value == pytest.approx(values[alike == alike.min()].mean())


def test_the_spec_of_the_readme_loads(tmp_path):
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
    (tmp_path / "spec.yaml").write_text(block)
    from matbench_defects.dataset.plan import plan

    planned = plan(load_spec(tmp_path))
    assert len(planned.selected["lno-cathode"].configurations) == 87
    assert [job.method.name for job in planned.jobs] == ["sevennet_relaxed"] * 87


def test_links_lead_somewhere():
    root = Path(__file__).parents[1]
    for path in (root / "README.md", *root.glob("*/README.md"), *root.glob("benchmarks/*/README.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
