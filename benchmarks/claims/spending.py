"""Claims on spending: runs chosen by a design, and frontiers of budgets."""

from __future__ import annotations

from claims.kept import kept, share, table

NAMES = {
    "design": "`sf.design`",
    "plan": "the same, cost power planned",
    "d_optimal": "D-optimal",
    "random": "random",
    "cheapest": "cheapest first",
    "inverse_cost": "random by 1 / cost",
    "v_optimal": "V-optimal",
    "theirs": "theirs",
}


def designs() -> str:
    """Return R^2 at the target after 1%, 5% and 10% of the cost of public pools, by rule."""
    found = kept("design")
    tasks = list(found["tasks"])
    n = min(one["n"] for rules in found["tasks"].values() for one in rules.values())
    rows = []
    for rule in ("design", "plan", "d_optimal", "random", "cheapest", "inverse_cost"):
        cells = [_cell(found["tasks"][task][rule]) for task in tasks]
        rows.append([NAMES[rule], *cells])
    for rule, of_task in found["published"].items():
        cells = [" / ".join(map(_value, of_task[task])) for task in tasks]
        rows.append([f"published: {NAMES[rule]}", *cells])
    heads = [f"1% / 5% / 10%, mean (sd of {n} seeds)", *tasks]
    return f"{table(heads, rows)}\n\nNo fair race: {found['no_fair_race']}."


def parabolas() -> str:
    """Return how far parabolas through slices of equal cost are off, without any noise."""
    found = kept("parabolas")
    rows = []
    for name, one in found["cells"].items():
        off = [f"{slope:.3f}, {100 * (ratio - 1):+.1f}%" for slope, ratio in _both(one)]
        rows.append([name, f"{one['true_exponent']:.3f}", *off])
    heads = ["law, slices", "exponent", "parabolas", "the law fitted to the same points"]
    return table(heads, rows)


def _both(one: dict[str, list[float]]) -> list[list[float]]:
    return [one["parabolas"], one["law"]]


def _cell(one: dict[str, list[float]]) -> str:
    pairs = zip(one["r2"], one["sd"], strict=True)
    return " / ".join(f"{share(mean, 2)} ({share(spread, 2)})" for mean, spread in pairs)


def _value(mean: float | None) -> str:
    return "-" if mean is None else share(mean, 2)
