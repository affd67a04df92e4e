"""Readers of the corpora, one function each, of files whose SHA-256 is known.

`alabdulmohsin2022`, `llmc-gpt2-124m` and the trainers' curves are those of `scalefit.datasets`. The
files of the others lie in the folder of their name inside the one that SCALEFIT_DATA names; their
digests are in `sha256.txt`, which `sha256sum -c` reads in that folder, and `SOURCES` says where
they can be fetched.

A loss is log perplexity where a file has perplexity. The head of a run of a language model, 1% of
its steps or tokens (4% of the shorter `llmc-gpt2-124m`), is left out for the warm-up that is in it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np

from corpus import Curve, distinct, made
from scalefit.errors import InvalidData

RAW = "https://raw.githubusercontent.com"
SOURCES = {
    "colpret": f"{RAW}/IBM/ColPret/16f23bbe054277ddc4afd07a972dd7cfbe3f48c3/aggregated_eval",
    "multi-power-law": (
        f"{RAW}/thu-yao-01-luo/MultiPowerLaw/8da9f1902602f3391b971a811e3cc51604541769/"
        "loss_curve_repo"
    ),
    "gadre-overtraining": (
        f"{RAW}/mlfoundations/scaling/a003c4913793ac2ae7ef87b28ecb562955d026d5/exp_data"
    ),
}
CONSTANT, DECAYING, REPEATED = "constant rate", "decaying rate", "repeated data"
ERRORS, LANGUAGE, FINAL = "classification error", "language benchmark", "final losses"
SIMULATED = "simulation"

WARM_UP = 0.01  # of a run
SEEDS = 3  # of each setting of a simulation
EPOCHS = 4  # beyond which data count as repeated
OLMO = ("mc4_en", "wikitext_103", "m2d2_wiki", "4chan")  # evaluation sets of all three models
PLATEAU_END = 300.0  # committee-plateau: before the loss ends as an exponential


def files(corpus: str) -> dict[str, Path]:
    """Return the files of a corpus by their path inside it, each with its digest verified.

    Raises
    ------
    InvalidData
        If one is missing or is another.
    """
    folder = Path(os.environ.get("SCALEFIT_DATA", ".")) / corpus
    found = {}
    for line in Path(__file__).with_name("sha256.txt").read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        if not path.startswith(f"{corpus}/"):
            continue
        inside = path.removeprefix(f"{corpus}/")
        file = folder / inside
        if not file.is_file():
            raise InvalidData(
                f"{file} is not there: fetch {SOURCES[corpus]}/{inside} and set SCALEFIT_DATA to "
                f"the folder that holds {corpus}/"
            )
        if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise InvalidData(f"{file} is not the file of {SOURCES[corpus]}/{inside}")
        found[inside] = file
    return found


def alabdulmohsin() -> list[Curve]:
    """Return the training rows alone of the 92 curves of the extrapolation benchmark."""
    import pandas as pd
    from tasks import DATA, from_table

    from scalefit import datasets

    table = pd.concat([pd.read_csv(file) for file in datasets.path(DATA).values()])
    tasks = from_table(table[table["Training"] == 1])
    curves = []
    for task in tasks:
        group = ERRORS if task.domain == "IC" else LANGUAGE
        family = f"{task.domain}, {task.model}"
        curves.append(made(DATA, group, family, task.name, task.x_train, task.y_train))
    return curves


def colpret() -> list[Curve]:
    """Return runs of language models: OPT, OLMo, Mamba, RedPajama and data-constrained ones."""
    import pandas as pd

    corpus, found = "colpret", files("colpret")
    curves = []
    for size, rows in pd.read_csv(found["opt_trajectories.csv"]).groupby("model_size", sort=False):
        x, y = 10.0 ** rows["num_token"], np.log(rows["ppl"])
        family = f"OPT {size}"
        curves.append(made(corpus, DECAYING, family, family, x, y, head=WARM_UP))
    for model, rows in pd.read_csv(found["olmo.csv"]).groupby("model_name", sort=False):
        family = str(model).strip()
        for name in OLMO:
            column = f"{name}-validation/CrossEntropyLoss"
            if rows[column].isna().all():
                column = f"v2-small-{column}"
            curves.append(
                made(
                    corpus,
                    DECAYING,
                    family,
                    f"{family} on {name}",
                    rows["Step"],
                    rows[column],
                    head=WARM_UP,
                )
            )
    for size in ("2.4B", "6.7B"):
        x, y = np.loadtxt(found[f"redPajama/{size}.csv"], delimiter=",").T
        family = f"RedPajama {size}"
        curves.append(made(corpus, DECAYING, family, family, x, y, head=WARM_UP))
    rows = pd.read_csv(found["llm360Mamba3B.csv"])
    mamba = made(
        corpus,
        DECAYING,
        "Mamba",
        "Mamba 3B",
        rows["step"],
        rows["loss"],
        head=WARM_UP,
        average=True,
    )
    curves.append(mamba)
    runs = pd.read_csv(found["datablations_losses.csv"])
    for key, rows in runs.groupby(["data", "num_params", "epochs"]):
        data, parameters, epochs = map(str, key)
        group = REPEATED if int(epochs) > EPOCHS else DECAYING
        family = f"{parameters} on {data}"
        name = f"{family}, {epochs} epochs"
        x, y = rows["token_num"], rows["loss"]
        curves.append(made(corpus, group, family, name, x, y, head=WARM_UP))
    return curves


def multi_power_law() -> list[Curve]:
    """Return runs at three sizes: at a constant rate, and whole ones whose rate decays.

    The files begin after the warm-up. Before their decay, runs that decay late repeat those of a
    constant rate point by point, or nearly; so they give no further curve of a constant rate.
    """
    import pandas as pd

    curves = []
    for path, file in files("multi-power-law").items():
        size, _, schedule = path.removesuffix(".csv").removeprefix("csv_").partition("/")
        rows = pd.read_csv(file)
        group = CONSTANT if rows["lr"].nunique() == 1 else DECAYING
        family, name = f"{size}M", f"{size}M, {schedule}"
        curves.append(made("multi-power-law", group, family, name, rows["step"], rows["loss"]))
    return sorted(curves, key=lambda curve: curve.group)


def llmc() -> list[Curve]:
    """Return two runs of GPT-2: the losses of single steps averaged, and those of validation."""
    from scalefit import datasets

    data = datasets.load("llmc-gpt2-124m")
    curves = []
    for i, name in enumerate(data["run"].values):
        one = data.isel(run=i)
        curves.append(
            made(
                "llmc-gpt2-124m",
                DECAYING,
                str(one["log"].values),
                str(name),
                one["step"].values,
                one["loss"].values,
                head=4 * WARM_UP,
                average=str(one["split"].values) == "train",
            )
        )
    return curves


def gadre() -> list[Curve]:
    """Return losses against tokens of runs of one size and training set, each point a run."""
    from gadre import families

    runs = files("gadre-overtraining")
    folder = next(iter(runs.values())).parents[1]
    return [
        made("gadre-overtraining", FINAL, family, f"{family} on {name}", x, y)
        for family, curves in families(folder).items()
        for name, (x, y, _) in curves.items()
    ]


def trainers() -> list[Curve]:
    """Return simulated curves that come with scalefit, the first seeds of every setting."""
    from scalefit import datasets

    curves = []
    for name in ("perceptron-fixed-norm", "perceptron-gd", "committee-plateau", "committee-linear"):
        about, data = datasets.info(name), datasets.load(name)
        setting = next(key for key in about.by if key != "seed")
        for i in np.flatnonzero(data["seed"].values < SEEDS):
            value, seed = (data[key].values[i] for key in (setting, "seed"))
            x, y = (
                np.broadcast_to(data[key].values, data[about.y].shape)[i]
                for key in (about.x, about.y)
            )
            if name == "committee-plateau":
                x, y = x[x <= PLATEAU_END], y[x <= PLATEAU_END]
            family = f"{name}, {setting}={value:g}"
            curves.append(made("trainers", SIMULATED, family, f"{family}, seed={seed}", x, y))
    return curves


READERS: dict[str, Callable[[], list[Curve]]] = {
    "alabdulmohsin2022": alabdulmohsin,
    "colpret": colpret,
    "multi-power-law": multi_power_law,
    "llmc-gpt2-124m": llmc,
    "gadre-overtraining": gadre,
    "trainers": trainers,
}


@cache
def read(corpora: Iterable[str] = tuple(READERS)) -> dict[str, list[Curve]]:
    """Return the curves of corpora by name, without exact repetitions."""
    return {name: distinct(READERS[name]()) for name in corpora}
