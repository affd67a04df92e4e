"""Importing what a user names: `module:NAME`, from the installed modules or the current folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .errors import ConfigError, ScalefitError
from .wording import inline, said


def named(text: str, what: str, form: str) -> Any:
    """Return what `module:NAME` names.

    Parameters
    ----------
    text
        As given.
    what
        What was asked for, at the start of an error.
    form
        How it is written, with an example, for an error.

    Raises
    ------
    ConfigError
        If there is no such module, nothing of that name in it, or importing it fails.
    """
    module, _, attribute = str(text).partition(":")
    where = f"{what} {inline(text)}"
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise ConfigError(f"{where}: give {form}")
    try:
        with _found(module.partition(".")[0]):
            return getattr(import_module(module), attribute)
    except ScalefitError:
        raise
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{where}: no module '{inline(error.name)}' in this folder or installed"
        ) from None
    except AttributeError:
        raise ConfigError(f"{where}: the module has no '{attribute}'") from None
    except Exception as error:
        raise ConfigError(f"{where}: {type(error).__name__}: {said(error)}") from None


@contextmanager
def _found(module: str) -> Iterator[None]:
    """Look in the current folder, too, for a module that is not installed.

    The folder stays on the path if it holds the module, for what that imports later, and for
    processes that are started; last, so that no file of the folder hides another module.
    """
    here = os.getcwd()
    missing = module not in sys.modules and find_spec(module) is None
    if not missing or here in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    except BaseException:
        sys.path.remove(here)
        raise
