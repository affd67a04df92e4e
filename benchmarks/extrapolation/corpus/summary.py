"""Summaries of the corpus benchmark: per corpus, pooled, and what two results differ by.

A mean over a corpus is one over its tasks; a pooled one is the mean of those of the corpora, each
of equal weight. Errors of curves of one family go together: standard errors are those of sums over
families, with a factor for how few there are; of a single family, those over curves. `public` pools
the corpora but for simulations, some of which end in ways that no start foretells and rule a mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from corpus.forecasts import SCORES

Row = dict[str, Any]
Mean = list[float | None]  # mean and its standard error

SIMULATIONS = "trainers"
QUANTITIES = (*SCORES, "cpu_s")


def mean(values: Sequence[float], families: Sequence[str]) -> Mean:
    """Return a mean and its standard error, None where one value cannot tell."""
    each = np.asarray(values, dtype=float)
    centre = float(each.mean())
    names, which = np.unique(families, return_inverse=True)
    rest = each - centre
    sums = np.bincount(which, rest) if names.size > 1 else rest
    if sums.size < 2:
        return [short(centre), None]
    error = np.sqrt(sums.size / (sums.size - 1.0) * np.sum(sums**2)) / each.size
    return [short(centre), short(error)]


def pooled(means: Sequence[Mean]) -> Mean:
    """Return the mean of means of equal weight, with its standard error."""
    centre = float(np.mean([one[0] for one in means]))
    errors = [one[1] for one in means if one[1] is not None]
    if len(errors) < len(means):
        return [short(centre), None]
    return [short(centre), short(np.sqrt(np.sum(np.square(errors))) / len(errors))]


def cells(rows: Iterable[Row], method: str, key: str) -> dict[str, list[Row]]:
    """Return the scores of one method, failures among them, by `corpus` or by `group`."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if method in row["scores"]:
            one = {"family": row["family"], **row["scores"][method]}
            found.setdefault(row[key], []).append(one)
    return found


def table(rows: Sequence[Row]) -> Row:
    """Return what is reported of one method on the tasks of one corpus."""
    done = [row for row in rows if row["failure"] is None]
    result: Row = {"tasks": len(rows), "failures": len(rows) - len(done)}
    for name in QUANTITIES:
        chosen = done if name in SCORES[1:] else rows
        if chosen:
            values = [row[name] for row in chosen]
            result[name] = mean(values, [row["family"] for row in chosen])
            result[f"{name}_median"] = short(np.median(values))
    verdicts = [row["verdict"] == "ok" for row in done if "verdict" in row]
    if verdicts:
        result["verdict_ok"] = short(np.mean(verdicts))
    return result


def pool(tables: Mapping[str, Row]) -> Row:
    """Return the tables of corpora as one, each of equal weight."""
    result: Row = {key: sum(one[key] for one in tables.values()) for key in ("tasks", "failures")}
    for name in QUANTITIES:
        means = [one[name] for one in tables.values() if name in one]
        if means:
            result[name] = pooled(means)
            medians = [one[f"{name}_median"] for one in tables.values() if name in one]
            result[f"{name}_median"] = short(np.mean(medians))
    return result


def summary(rows: Sequence[Row], methods: Sequence[str]) -> Row:
    """Return tables by method, cut-off or all, and corpus, group of curves, or pooled corpora."""
    result: Row = {}
    for method in methods:
        result[method] = {}
        for factor in (*sorted({row["cut"] for row in rows}), "all"):
            chosen = [row for row in rows if factor in (row["cut"], "all")]
            corpora, groups = (
                {name: table(cell) for name, cell in cells(chosen, method, key).items()}
                for key in ("corpus", "group")
            )
            found = {"pooled": pool(corpora), "public": pool(public(corpora)), "corpora": corpora}
            found["groups"] = groups
            result[method][f"{factor}" if factor == "all" else f"{factor:g}"] = found
    return result


def paired_by_cut(
    mine: Sequence[Row], other: Sequence[Row], method: str, beside: str = ""
) -> dict[str, Row]:
    """Return what `paired` says at each cut-off and of all."""
    found = {
        f"{factor:g}": paired([row for row in mine if row["cut"] == factor], other, method, beside)
        for factor in sorted({row["cut"] for row in mine})
    }
    return {**found, "all": paired(mine, other, method, beside)}


def paired(mine: Sequence[Row], other: Sequence[Row], method: str, beside: str = "") -> Row:
    """Return by how much a result differs from another on the tasks of both, by corpus and pooled.

    Each entry is a mean over tasks of this minus the other, with its standard error; of the width
    it is of its log. Tasks on which either failed are left out, and counted.

    Parameters
    ----------
    method, beside
        What is compared in `mine` with what in `other`; by default the same method.
    """
    theirs = {key(row): row["scores"].get(beside or method) for row in other}
    pairs: dict[str, list[tuple[str, Row, Row]]] = {}
    lost = 0
    for row in mine:
        ours, known = row["scores"].get(method), theirs.get(key(row))
        if ours is None or known is None:
            continue
        if ours["failure"] or known["failure"]:
            lost += 1
            continue
        pairs.setdefault(row["corpus"], []).append((row["family"], ours, known))
    corpora: dict[str, Row] = {}
    for name, both in pairs.items():
        families = [family for family, _, _ in both]
        apart = {
            quantity: mean([_apart(quantity, a, b) for _, a, b in both], families)
            for quantity in QUANTITIES
        }
        ratio = np.mean([a["rmsle"] for _, a, _ in both]) / np.mean(
            [b["rmsle"] for _, _, b in both]
        )
        better = np.mean([a["log_score"] > b["log_score"] for _, a, b in both])
        corpora[name] = {
            "tasks": len(both),
            **apart,
            "rmsle_ratio": short(ratio),
            "better_log_score": short(better),
        }
    result: Row = {"left_out": lost, "corpora": corpora}
    for name, chosen in (("pooled", corpora), ("public", public(corpora))):
        result[name] = {"tasks": sum(one["tasks"] for one in chosen.values())}
        for quantity in QUANTITIES if chosen else ():
            result[name][quantity] = pooled([one[quantity] for one in chosen.values()])
    return result


def public(corpora: Mapping[str, Row]) -> dict[str, Row]:
    """Return the corpora but for simulations, or those where there is nothing else."""
    return {name: one for name, one in corpora.items() if name != SIMULATIONS} or dict(corpora)


def _apart(quantity: str, a: Row, b: Row) -> float:
    if quantity == "width":
        return float(np.log(a[quantity] / b[quantity]))
    return float(a[quantity] - b[quantity])


def key(row: Row) -> tuple[str, str, float]:
    """Return what tells a task from the others."""
    return row["corpus"], row["curve"], row["cut"]


def short(value: Any) -> float:
    """Return a number with five digits, so that kept results stay readable."""
    return float(f"{float(value):.5g}")
