"""Compiled functions: numba with the options that every kernel here shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered, but infinities and NaN keep their meaning.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "arcp", "reassoc"},
}


def compiled(function: Function) -> Function:
    """Return the function in machine code, made on its first call and kept on disk."""
    return cast(Function, njit(cache=True, **OPTIONS)(function))


def part(function: Function) -> Function:
    """Return a function that only compiled ones call; it takes less time to compile."""
    bare: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(Function, njit(**bare, **OPTIONS)(function))
