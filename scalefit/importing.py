"""Importing what a user names: `module:NAME`, from the installed modules or the current folder."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from .errors import ConfigError, ScalefitError
from .wording import inline


def named(text: str, what: str, example: str) -> Any:
    """Return what `module:NAME` names.

    Parameters
    ----------
    text
        As given.
    what
        What was asked for, at the start of an error.
    example
        A name that could be meant.

    Raises
    ------
    ConfigError
        If there is no such module, nothing of that name in it, or importing it fails.
    """
    module, _, attribute = str(text).partition(":")
    where = f"{what} {inline(text)}"
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise ConfigError(f"{where}: give module:NAME, such as {example}")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, so that no file of the folder hides a module
    try:
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
        said = inline(" ".join(str(error).split()))[:200]
        raise ConfigError(f"{where}: {type(error).__name__}: {said}") from None
