"""Device: where a simulation trains, on how many threads, and how exactly."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scalefit.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import torch


NO_MEMORY = ("can't allocate memory", "out of memory", "ALLOC_FAILED")
"""What PyTorch says on the CPU, on a GPU that others have filled, and in its libraries."""


def require_torch() -> None:
    """Raise MissingExtra unless PyTorch is installed."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":  # PyTorch is there, but broken: that is another fault
            raise
        raise MissingExtra(
            "training needs PyTorch. Install your platform's torch first (see pytorch.org), then: "
            "pip install 'scalefit[train]'"
        ) from None


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
    require_torch()
    import torch

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
    # Read once in a process, at the first matrix product on a GPU; exact runs may come later.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda", int(index) if index else torch.cuda.current_device())


def spread(name: str, number: int) -> str:
    """Return the device of a piece of work: GPUs take turns where none is named by its index.

    Worker processes see the same GPUs, and each would take the first.
    """
    import multiprocessing

    import torch

    if name not in ("auto", "cuda") or not torch.cuda.is_available():
        return name
    worker = multiprocessing.current_process()
    place = worker._identity[0] - 1 if getattr(worker, "_identity", ()) else number
    return f"cuda:{place % torch.cuda.device_count()}"


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


@contextmanager
def exactly(exact: bool) -> Iterator[None]:
    """Choose, inside the block, algorithms that give the same bits every time, if `exact`."""
    import torch

    if not exact:  # the switches are not ours then, and reading some of them may be refused
        yield
        return
    # As torch.use_deterministic_algorithms, which imports a compiler for a second first.
    mode = torch.get_deterministic_debug_mode()
    switches: list[tuple[Any, str]] = [
        (torch.backends.cuda.matmul, "allow_tf32"),
        (torch.backends.cudnn, "allow_tf32"),
        (torch.backends.cudnn, "benchmark"),
    ]
    before = [getattr(place, name) for place, name in switches]
    torch.set_deterministic_debug_mode("error")
    for place, name in switches:
        setattr(place, name, False)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        for (place, name), value in zip(switches, before, strict=True):
            setattr(place, name, value)


def inexact(error: Exception, family: str, device: torch.device) -> Exception:
    """Return an error itself, or what to do where an operation has no exact form on the device."""
    found = re.match(r"(\S+) does not have a deterministic implementation", str(error))
    if found is None:
        return error
    return ConfigError(
        f"determinism 'exact': {found[1]}, which {family} needs, has no deterministic form on "
        f"{device}; take determinism='fast', or device='cpu'"
    )


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that the device's memory, or the host's, did not suffice."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def release(device: torch.device) -> None:
    """Give back memory that nothing refers to any more."""
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def describe(device: torch.device) -> str:
    """Return the device's name for the record, with the model of a GPU."""
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu"
