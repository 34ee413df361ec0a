"""An acquisition policy without any thought."""

from __future__ import annotations

from matbench_defects.discovery.policies.policy import policy


@policy("in-order", title="In order", needs="nothing")
def in_order(search, count):
    """Choose the open rows as they stand in the table."""
    return search.open[:count]
