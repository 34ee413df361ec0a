import json

import pytest

from matbench_defects.spec.loading import load_spec


@pytest.fixture
def load(tmp_path):
    """Load a spec from text, or from data."""

    def load(spec, name="spec.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(spec if isinstance(spec, str) else json.dumps(spec, indent=1))
        return load_spec(path)

    return load
