"""Descriptors: numbers that describe a row, one file a descriptor."""

from matbench_defects.models.descriptors.descriptor import Descriptor, DescriptorSettings, descriptors

__all__ = ["Descriptor", "DescriptorSettings", "descriptors"]
