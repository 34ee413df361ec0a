"""Universal potentials as networks whose inner features of each atom can be read, one file a potential."""

from matbench_defects.models.potentials.pretrained.network import PretrainedNetwork, networks

__all__ = ["PretrainedNetwork", "networks"]
