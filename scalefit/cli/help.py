"""Help: the options of a command in groups, with an example; names that the shell completes."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

GROUPS: dict[str, tuple[str, ...]] = {
    "Data": (
        *("--x", "--y", "--y-err", "--by", "--where", "--skip-run", "--from", "--to"),
        *("--resume", "--duplicates", "--aggregate", "--runs", "--lr", "--ceiling"),
        *("--test-size", "--data", "--set", "--config"),
    ),
    "Law": ("--law", "--regimes", "--floor", "--noise", "--fixed", "--priors", "--pool"),
    "Question": (
        *("--between", "--parameter", "--regime", "--predictor", "--value", "--ratio"),
        *("--rope", "--reach", "--baseline", "--at", "--within", "--along", "--held"),
        *("--kind", "--hazard", "--schedule", "--start", "--end", "--low", "--of"),
        *("--interval", "--candidates", "--cost", "--budget", "--target", "--know"),
        *("--batch", "--cost-power", "--discrepancy", "--beside", "--shift"),
    ),
    "Inference": (
        *("--method", "--draws", "--seed", "--workers", "--device", "--determinism"),
        *("--shard",),
    ),
    "Output": ("--out", "--csv", "--json", "--dry-run", "--tensorboard", "--phases", "--help"),
}
"""What each group of options holds; what none holds stands under Other."""
EXAMPLES = {
    "fit": "scalefit fit runs.csv --x tokens --y loss --by model --out results/",
    "predict": "scalefit predict results/fit.nc --at 1e12 --reach 1.75",
    "compare": "scalefit compare results/fit.nc --reach 1.8 --baseline base",
    "design": "scalefit design results/fit.nc --candidates runs.csv --cost flop --budget 1e21 "
    "--at 1e12",
    "tail": "scalefit tail spectrum.csv --y eigenvalue --shift 0.02",
    "report": "scalefit report results/fit.nc --out report.html",
    "train": "scalefit train perceptron --set load=5,10 --set seeds=32 --out runs/",
    "theory": "scalefit theory perceptron --set load=5,10 --csv",
    "runs": "scalefit runs runs/",
    "study": "scalefit study runs/ --out study/",
    "data": "scalefit data get perceptron-gd --out curves.nc",
    "demo": "scalefit demo --out demo/",
}


class Grouped(TyperCommand):
    """A command whose help lists its options in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options, each under its group."""
        sections: dict[str, list[tuple[str, str]]] = {
            name: [] for name in ("Arguments", *GROUPS, "Other")
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections[_group(param)].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


class Settled(Grouped):
    """A command on a family, whose help lists the settings of the family named before `--help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words, for `--help` ends before they are read."""
        ctx.meta[__name__] = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the settings, or the families where none is named."""
        super().format_options(ctx, formatter)
        from scalefit.errors import ConfigError
        from scalefit.trainers.families import find, known
        from scalefit.trainers.settings import described

        words = [word for word in ctx.meta.get(__name__, ()) if not word.startswith("-")]
        if not words:
            with formatter.section(f"Families (scalefit {ctx.info_name} FAMILY --help: settings)"):
                formatter.write_dl(list(known().items()))
            return
        try:
            family = find(words[0])
        except ConfigError as error:
            formatter.write_text(str(error))
            return
        with formatter.section(f"Settings of {family.name} (--set; values; default)"):
            seeds = ("seeds", "Replicates of every point. [a whole number >= 1, or a list; 16]")
            formatter.write_dl([*described(family.settings), seeds])


def _group(param: Any) -> str:
    if param.param_type_name == "argument":
        return "Arguments"
    return next((name for name, held in GROUPS.items() if {*held} & {*param.opts}), "Other")


def data_sets(incomplete: str) -> list[str]:
    """Return the data sets whose name begins so."""
    from scalefit import datasets

    return [name for name in datasets.names() if name.startswith(incomplete)]


def families(incomplete: str) -> list[str]:
    """Return the families of trainers whose name begins so."""
    from scalefit import trainers

    return [name for name in trainers.families() if name.startswith(incomplete)]


def one_of(*names: str) -> Any:
    """Return what completes an option that takes one of these words."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete
