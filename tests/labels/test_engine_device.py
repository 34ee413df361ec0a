"""Engines compute on the processor unless the cluster's file asks for GPUs."""

from __future__ import annotations

import pytest
import torch

from matbench_defects.errors import InputError
from matbench_defects.execution.worker import DEVICE
from matbench_defects.labels.ase_engine import device


def test_the_processor_is_what_is_used_unless_asked(monkeypatch):
    monkeypatch.delenv(DEVICE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device() == "cpu"
    monkeypatch.setenv(DEVICE, "cpu")
    assert device() == "cpu"
    monkeypatch.setenv(DEVICE, "cuda")
    assert device() == "cuda"


def test_a_worker_without_the_gpu_that_was_asked_for_says_so(monkeypatch):
    monkeypatch.setenv(DEVICE, "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="`cuda` was asked for, but torch finds no GPU"):
        device()
