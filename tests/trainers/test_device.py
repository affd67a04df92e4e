from __future__ import annotations

import os
import sys

import pytest

from scalefit import trainers
from scalefit.errors import MissingExtra


def test_missing_torch_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'scalefit\[train\]'"):
        trainers.run(trainers.config("perceptron"))


@pytest.mark.train
def test_what_says_that_memory_did_not_suffice() -> None:
    from scalefit.trainers.device import out_of_memory

    for words in ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling create"):
        assert out_of_memory(RuntimeError(words))
    assert not out_of_memory(RuntimeError("CUDA error: an illegal memory access"))


@pytest.mark.train
def test_a_gpu_is_ready_for_exact_runs_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers.device import resolve

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve("cuda:0").type == "cuda"
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"


@pytest.mark.train
def test_fast_runs_leave_the_switches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scalefit.trainers.device import exactly

    def mixed() -> str:
        raise RuntimeError("mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_deterministic_debug_mode", mixed)
    with exactly(False):
        pass
    with pytest.raises(RuntimeError, match="mix of"), exactly(True):
        pass
