"""Numba's compiler, with the options that every kernel here shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return the function in machine code, made on its first call and kept on disk.

    Sums may be reordered, but infinities and NaN keep their meaning.
    """
    fast = {"contract", "arcp", "reassoc"}
    options: Any = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": fast}
    return cast(Function, njit(**options)(function))
