"""Command line: `scalefit fit`, `predict`, `compare`, `report`, `train` and the others."""

from __future__ import annotations

import _thread
import io
import os
import sys
import warnings
from typing import Any

import typer
from typer.core import TyperGroup

from scalefit.errors import ScalefitError

from . import compare, data, demo, design, fit, predict, report, runs, study, tail, train
from .help import EXAMPLES, Grouped, Settled
from .output import say

# Older versions of Typer use click, newer ones their own copy of it; none exports this class.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class _Ordered(TyperGroup):
    """Commands in the order in which one meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names as the help lists them."""
        return sorted(self.commands, key=list(_COMMANDS).index)


_COMMANDS: dict[str, Any] = {
    "fit": fit.command,
    "predict": predict.command,
    "compare": compare.command,
    "design": design.command,
    "tail": tail.command,
    "report": report.command,
    "train": train.train,
    "theory": train.theory,
    "runs": runs.command,
    "study": study.command,
    "data": data.app,
    "demo": demo.command,
}

_HELP = {"train": Settled, "theory": Settled}

app = typer.Typer(
    cls=_Ordered,
    help="Bayesian fits of multi-regime power laws, and the training runs to fit.",
    epilog="Exit codes: 0 done; 1 unexpected fault (SCALEFIT_DEBUG=1 shows where); 2 usage; "
    "3 unreadable or invalid data; 4 the fit ran but cannot be relied on; 5 a missing extra; "
    "130 interrupted.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in _COMMANDS.items():
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, epilog=f"Example: {EXAMPLES[_name]}")
    else:
        app.command(_name, cls=_HELP.get(_name, Grouped), epilog=f"Example: {EXAMPLES[_name]}")(
            _command
        )


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", "-v", help="Print the version and exit."),
) -> None:
    if version:
        from scalefit import __version__

        typer.echo(__version__)
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(2)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0 done; 1 unexpected fault; 2 usage; 3 unreadable or invalid data; 4 the fit ran but its
    diagnostics failed; 5 a missing extra; 130 interrupted.
    """
    warnings.formatwarning = _one_line
    sys.unraisablehook = _once_more
    for name in ("stdout", "stderr"):  # a closed one is none
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    """Return the exit code; what went wrong is on standard error, in a few lines."""
    try:
        code = app(args=arguments, prog_name="scalefit", standalone_mode=False)
        sys.stdout.flush()
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except UsageError as error:
        code = _refuse(error)
    except ScalefitError as error:
        say(f"{type(error).__name__}: {error}")
        code = error.exit_code
    except (BrokenPipeError, SystemExit) as error:  # click and rich make the first the second
        code = error.code if isinstance(error, SystemExit) else 0
        if _cut(error):  # the reader has seen enough
            code = 0
            _hush()
    except MemoryError:
        say("not enough memory for this; ask for fewer runs, points or draws at a time")
        code = 1
    except Exception as error:
        if os.environ.get("SCALEFIT_DEBUG"):
            raise
        say(_fault(error))
        code = 1
        try:
            sys.stdout.flush()
        except OSError:
            _hush()
    if code == 130:
        say("interrupted: nothing half-written is left")
    return code if isinstance(code, int) else 0


def _cut(error: BaseException | None) -> bool:
    """Return whether an error comes from standard output that nobody reads any more."""
    while error is not None and not isinstance(error, BrokenPipeError):
        error = error.__cause__ or error.__context__
    return error is not None


def _hush() -> None:
    """Send what is left of standard output nowhere: Python's last flush must not fail again."""
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(error: Any) -> int:
    """Say what is wrong with the command as typed."""
    path = error.ctx.command_path if error.ctx else "scalefit"
    said = " ".join(error.format_message().split())
    end = "" if said.endswith((".", "?")) else "."
    say(f"UsageError: {said}{end} See: {path} --help")
    return 2


def _fault(error: Exception) -> str:
    """Return one line on an error that nobody foresaw."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"OSError: {where}{error.strerror}; check the path, its permissions and the disk"
    said = " ".join(str(error).split())
    return (
        f"unexpected fault: {type(error).__name__}: {said[:300]}. Please report it with what "
        "you typed; SCALEFIT_DEBUG=1 shows where it happened"
    )


def _once_more(lost: Any) -> None:
    """Repeat an interruption that fell into compiled code, which cannot pass it on."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(lost)


def _one_line(message: Warning | str, *_: Any, **__: Any) -> str:
    return f"warning: {' '.join(str(message).split())}\n"
