"""Questions that `python -m benchmarks` answers, each with its scripts and the tables of its page.

A script has the options of its quick size, and how long its full size takes, in words; all quick
ones together take some ten minutes on two cores.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Script:
    """One script of a question.

    Attributes
    ----------
    path
        Where it is, in this folder.
    quick
        Its options in the quick size; None if it has none.
    full
        How long the full size takes.
    takes
        Whether it takes `--workers`.
    needs
        What it cannot do without, besides the package, if there is such a thing.
    """

    path: str
    quick: tuple[str, ...] | None
    full: str
    takes: bool = True
    needs: str = ""


@dataclass(frozen=True)
class Question:
    """A question, what answers it, and the tables that show the kept answer.

    Attributes
    ----------
    asks
        The question.
    scripts
        In the order in which they run.
    tables
        Names in `tables.TABLES`.
    kept
        Result whose rows are the table, for `reproduction`, which has its own.
    """

    asks: str
    scripts: tuple[Script, ...]
    tables: tuple[str, ...] = ()
    kept: str = field(default="")


FILES = "the public files of SCALEFIT_DATA"
QUESTIONS = {
    "reproduction": Question(
        "do fits of simulations find the exponents and constants that theory claims",
        (
            Script("reproduction/perceptron/reproduce.py", None, "an hour on one core"),
            Script("reproduction/committee/theory_rows.py", None, "a minute", takes=False),
            Script("reproduction/committee/simulation.py", ("--small",), "minutes", takes=False),
            Script("reproduction/committee/exponents.py", None, "hours"),
            Script("reproduction/diagonal_quadratic/reference_rows.py", ("--theory",),
                   "an hour on one core", takes=False),
            Script("reproduction/diagonal_quadratic/phase_diagram.py", None,
                   "two minutes on one core", takes=False),
            Script("reproduction/diagonal_quadratic/overlay.py", None,
                   "ten minutes on one core", takes=False),
            Script("reproduction/diagonal_quadratic/spectra.py", None,
                   "five minutes on one core", takes=False),
            Script("reproduction/four_regimes/reproduce.py", ("--curves", "1"), "hours"),
            Script("reproduction/four_regimes/figure.py", None, "an hour on two cores"),
            Script("reproduction/four_regimes/surfaces.py", ("--curves", "1"), "an hour"),
            Script("reproduction/four_regimes/dimension.py", ("--curves", "1"), "an hour"),
            Script("reproduction/four_regimes/images.py", None, "half an hour", needs=FILES),
            Script("reproduction/four_regimes/students.py", None, "two hours on one core"),
            Script("reproduction/deep/exponents.py", None,
                   "an hour on two cores, once its campaigns are trained"),
            Script("reproduction/deep/variance_limited.py", ("--small",), "minutes"),
            Script("reproduction/every_claim.py", ("--quick",), "an hour on one core"),
        ),
        ("trainers",),
        "reproduction",
    ),
    "extrapolation": Question(
        "whose forecast of public curves is nearer, and whose intervals hold",
        (
            Script("extrapolation/scalefit_method.py", ("--curves", "2"), "hours", needs=FILES),
            Script("extrapolation/alabdulmohsin.py", ("--limit", "2", "--splits", "training"),
                   "an hour on one core", takes=False, needs=FILES),
            Script("extrapolation/rivals.py", None, "ten minutes, and a package index",
                   needs=FILES),
            Script("extrapolation/gadre.py", ("--curves", "1"), "half an hour", needs=FILES),
        ),
        ("extrapolation", "quarter", "eighth", "public"),
    ),
    "surfaces": Question(
        "are laws of model size, data and schedule as good as the published ones",
        (
            Script("surfaces/forms.py", ("--curves", "1"), "an hour", needs=FILES),
            Script("surfaces/scalebench.py", ("--curves", "1"), "an hour", needs=FILES),
            Script("surfaces/schedules.py", ("--curves", "1"), "an hour", needs=FILES),
        ),
        ("forms", "tasks"),
    ),
    "design": Question(
        "do the runs that are proposed next tell more than others of the same cost",
        (
            Script("surfaces/design.py", ("--curves", "1", "--task", "chinchilla"), "hours",
                   needs=FILES),
            Script("surfaces/parabolas.py", (), "seconds", takes=False),
        ),
        ("parabolas",),
    ),
    "calibration": Question(
        "do intervals, probabilities and verdicts hold what they say",
        (
            Script("calibration/sbc.py", ("--curves", "32"), "an hour on two cores"),
            Script("calibration/averaging.py", ("--curves", "4"), "three hours on two cores"),
            Script("calibration/headline.py", ("--curves", "4"), "an hour"),
            Script("calibration/noise.py", ("--curves", "4"), "two hours on two cores"),
            Script("calibration/outside.py", ("--curves", "4"), "an hour"),
            Script("calibration/reach.py", ("--curves", "4"), "an hour"),
            Script("calibration/head.py", ("--curves", "8"), "an hour"),
            Script("calibration/doubts.py", ("--curves", "10", "--faults", "1"), "an hour"),
            Script("calibration/evidence.py",
                   ("--curves", "1", "--large", "0", "--quadrature", "0"), "hours"),
            Script("calibration/exponent_coverage.py", ("--curves", "2", "--method", "point"),
                   "hours"),
            Script("calibration/joint_laws.py", ("--curves", "1"), "hours"),
            Script("calibration/collapse.py", ("--curves", "2"), "hours"),
            Script("calibration/pooling.py", ("--curves", "1"), "hours"),
            Script("calibration/tails.py", ("--curves", "12"), "an hour on two cores"),
        ),
        ("calibration", "models", "noise", "beyond", "pooled", "verdicts", "tails"),
    ),
    "speed": Question(
        "what fits and trainers cost in time and memory, beside plain code",
        (
            Script("speed/engine.py", ("--curves", "1", "--cases", "preview"), "an hour"),
            Script("speed/batch.py", ("--curves", "10"), "two hours on two cores"),
            Script("speed/many.py", None, "half an hour"),
            Script("speed/trainers.py", ("--small",), "minutes"),
            Script("speed/committee.py", ("--small",), "minutes", takes=False),
            Script("speed/sweeps.py", ("--small",), "minutes", takes=False),
            Script("speed/perceptron_theory.py", ("--loads", "5", "--norms", "10"), "seconds",
                   takes=False),
            Script("speed/random_features.py", ("--repeats", "1"), "minutes", takes=False),
            Script("speed/weight_decay.py", None, "minutes", takes=False),
            Script("speed/deep.py", ("--small",), "minutes", takes=False),
        ),
        ("speed",),
    ),
    "faults": Question(
        "does damaged, hostile or random input end in a clear refusal, and kills lose nothing",
        (
            Script("robustness/fuzz_readers.py", ("--minutes", "0.3"), "ten minutes",
                   takes=False),
            Script("robustness/fuzz.py", ("--minutes", "0.3"), "ten minutes", takes=False),
            Script("mutants.py", None, "hours", takes=False),
        ),
        ("robustness",),
    ),
}  # fmt: skip
ALONE = {
    "gpu": "speed/gpu.py",
    "sweeps": "speed/sweeps.py",
    "trainers": "speed/trainers.py",
}
"""Names of single scripts, which take the rest of the line."""


def page() -> str:
    """Return the questions as a table of Markdown."""
    lines = ["| name | asks | scripts, and how long their full size takes |", "| --- | --- | --- |"]
    for name, question in QUESTIONS.items():
        scripts = "; ".join(
            f"[{one.path.rpartition('/')[2]}]({one.path}) {one.full}" for one in question.scripts
        )
        lines.append(f"| `{name}` | {question.asks}? | {scripts} |")
    return "\n".join(lines)
