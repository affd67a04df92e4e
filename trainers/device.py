"""Where a simulation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scalefit.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import torch


def resolve(name: str) -> torch.device:
    """Return the PyTorch device with this name, after checking that it is there.

    Parameters
    ----------
    name
        `"auto"` (CUDA if there is one, else the CPU), `"cpu"`, `"cuda"` or `"cuda:<index>"`.

    Raises
    ------
    ConfigError
        If there is no such device.
    MissingExtra
        If PyTorch is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":  # PyTorch is there, but broken: that is another fault
            raise
        raise MissingExtra(
            "training needs PyTorch. Install your platform's torch first (see pytorch.org), then: "
            "pip install 'scalefit[train]'"
        ) from None

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    kind, _, index = str(name).partition(":")
    if kind == "cpu" and not index:
        return torch.device("cpu")
    if kind != "cuda" or (index and not index.isdecimal()):
        raise ConfigError(
            f"argument 'device' is {name!r}; give 'auto', 'cpu', 'cuda' or 'cuda:<index>'"
        )
    if int(index or 0) >= count:
        raise ConfigError(
            f"device '{name}' is not available: torch {torch.__version__} sees {count} CUDA "
            "devices; take device='auto', or install the torch build for your driver"
        )
    return torch.device("cuda", int(index) if index else torch.cuda.current_device())


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch's work on the CPU to one thread inside the block.

    The operations of a small trainer last microseconds. Two threads on two idle cores gained a
    tenth in time for twice the work; on busy cores, waiting for each other, they took thirty times
    as long. Runs are independent, so that cores are better used by processes.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def describe(device: torch.device) -> str:
    """Return the device's name for the record, with the model of a GPU."""
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu"
