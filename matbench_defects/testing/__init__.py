"""Contracts that models, engines, metrics, splits, targets and policies keep, as functions: no test runner is needed.

Each function raises an AssertionError that says what is not as it should be. Our own run through them too::

    from matbench_defects.testing import check_model

    def test_my_model_keeps_the_contract():
        check_model(MyModel)
"""

from matbench_defects.testing.engines import check_engine
from matbench_defects.testing.metrics import check_metric
from matbench_defects.testing.models import check_model
from matbench_defects.testing.policies import check_policy
from matbench_defects.testing.splits import check_split
from matbench_defects.testing.targets import check_target

__all__ = ["check_engine", "check_metric", "check_model", "check_policy", "check_split", "check_target"]
