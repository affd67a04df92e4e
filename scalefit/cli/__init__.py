"""The command line: `scalefit fit`, `predict`, `train`, `theory`, `data` and `demo`."""

from __future__ import annotations

import sys

import typer
from click.exceptions import Abort, ClickException, Exit

from scalefit.errors import ScalefitError

from . import data, demo, fit, predict, train
from .output import say

app = typer.Typer(
    help="Bayesian fits of multi-regime power laws, and the training runs to fit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fit")(fit.command)
app.command("predict")(predict.command)
app.command("train")(train.train)
app.command("theory")(train.theory)
app.add_typer(data.app, name="data")
app.command("demo")(demo.command)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        from scalefit import __version__

        typer.echo(__version__)
        raise Exit(0)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0 done; 1 unexpected fault; 2 usage; 3 unreadable or invalid data; 4 the fit ran but its
    diagnostics failed; 5 a missing extra; 130 interrupted.
    """
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        code = app(args=arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except Exit as stop:
        return stop.exit_code
    except ClickException as error:
        error.show()
        return error.exit_code
    except ScalefitError as error:
        say(f"{type(error).__name__}: {error}")
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        say("interrupted; nothing half-written is left")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        say(f"cannot read or write: {error}")
        return 1
