"""Tensors of a training as arrays and back, with dtype and memory format.

NumPy has no brain floats and no memory formats: the former are kept as whole numbers of the same
bits, and both are told by the name, `weight|bfloat16|channels_last`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

BITS = {1: torch.uint8, 2: torch.int16}
"""Whole numbers of as many bytes, for what NumPy does not know."""
KNOWN = (
    *(torch.float16, torch.float32, torch.float64, torch.bool, torch.complex64, torch.complex128),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)


def packed(state: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Return each tensor as an array, named with what an array does not hold."""
    found = {}
    for name, tensor in state.items():
        tensor = tensor.detach()
        last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
        last = last and not tensor.is_contiguous()
        words = [name, str(tensor.dtype).removeprefix("torch."), "channels_last" if last else ""]
        plain = tensor if tensor.dtype in KNOWN else tensor.view(BITS[tensor.itemsize])
        found["|".join(words)] = plain.contiguous().cpu().numpy()
    return found


def unpacked(arrays: Mapping[str, NDArray[Any]], device: torch.device) -> dict[str, Tensor]:
    """Return the tensors that `packed` was given, on a device."""
    state = {}
    for text, array in arrays.items():
        name, kind, form = text.rsplit("|", 2)
        tensor, dtype = torch.tensor(array), getattr(torch, kind)
        tensor = tensor if tensor.dtype == dtype else tensor.view(dtype)
        if form:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        state[name] = tensor.to(device)
    return state
