"""Claims on trainers: simulation and theory against the reference values."""

from __future__ import annotations

from claims.kept import HERE, Claim, claims, kept, share

LEFT_OUT = {
    "ETAC-N": "are marked unverified",
    "SGDODE-": "are about simulations (below)",
    "PUB-": "are settings of published figures",
}
"""Rows of the reference of the committee machine that its theory is not held to."""


def trainers() -> str:
    """Return claims on the trainers against their theory."""
    rows = []
    theory, curves = kept("committee_theory"), kept("committee_exponents")
    inside = sum(one["inside"] for one in theory["groups"].values())
    total = sum(one["rows"] for one in theory["groups"].values())
    reference = (HERE.parent / "tests/reference/two_layer_reference.csv").read_text().splitlines()
    left = {kind: sum(line.startswith(kind) for line in reference) for kind in LEFT_OUT}
    assert total + sum(left.values()) == len(reference) - 1
    rows.append(
        Claim(
            "committee machine, theory: reference rows within their tolerance",
            f"{inside} of {total}; of the other {sum(left.values())} of the file's "
            f"{len(reference) - 1} rows, "
            + ", ".join(f"{left[kind]} {words}" for kind, words in LEFT_OUT.items()),
            "reproduction/committee/theory_rows.py",
            "committee_theory",
        )
    )
    perceptron = kept("perceptron_reproduction")
    script = "reproduction/perceptron/reproduce.py"
    rows.append(
        Claim(
            "perceptron at fixed norm: simulated against theory, rows within 3 standard errors; "
            "the largest deviation",
            f"{perceptron['rows_within_3']} of {perceptron['rows_in_all']}; "
            f"{perceptron['largest_deviation']:.1f} standard errors",
            script,
            "perceptron_reproduction",
        )
    )
    early, late = perceptron["early"], perceptron["late"]
    apart = [
        (m - p) / s
        for m, p, s in zip(early["mean"], early["population"], early["standard_error"], strict=True)
    ]
    rows += [
        Claim(
            "how its norm grows before the elbow, against the population's flow, in standard "
            "errors at five norms",
            ", ".join(f"{one:+.1f}" for one in apart),
            script,
            "perceptron_reproduction",
        ),
        Claim(
            "long after the elbow, over 1 / (2 margin) of the same data, at norms 8 to 14",
            ", ".join(
                f"{share(value)} ({share(error)})"
                for value, error in zip(
                    late["over_own_margin"], late["over_own_margin_standard_error"], strict=True
                )
            ),
            script,
            "perceptron_reproduction",
        ),
    ]
    simulated = kept("committee_simulation")
    flows = [one for one in simulated["rows"] if "median_deviation" in one]
    deviation = max(max(one["median_deviation"]) for one in flows)
    ratios = [ratio for one in flows for ratio in one["escape_time_ratio"] or ()]
    rows.append(
        Claim(
            "committee machine, SGD against the equations of motion, 40 runs: largest median "
            "deviation of the loss; ratios of escape times, 24 runs",
            f"{100 * deviation:.1f}%; {min(ratios):.2f} to {max(ratios):.2f}",
            "reproduction/committee/simulation.py",
            "committee_simulation",
        )
    )
    script, name = "reproduction/committee/exponents.py", "committee_exponents"

    def interval(one: dict[str, float]) -> str:
        return f"{share(one['median'])} [{share(one['low'])}, {share(one['high'])}]"

    for one in curves["curves"]:
        kind = "linear units" if one["claim"] == "linear" else "erf units, specialised"
        verdict = "inside" if one["inside"] else "outside"
        rows.append(
            Claim(
                f"{kind}, beta = {one['beta']:g}, exponent {share(one['derived'])}: by "
                "`PowerLawWithCutoff`, told nothing; by it from theory's curve; with a floor that "
                "must be positive",
                f"{interval(one['fit'])}, {verdict}; {share(one['theory_by_law'])}; "
                f"{interval(one['positive_floor'])}",
                script,
                name,
            )
        )
    for one, what in zip(
        curves["plateaus"],
        ("the number of units, K = 2, 3, 4", "the mean square eigenvalue"),
        strict=True,
    ):
        fit = one["fit"]
        verdict = "inside" if one["inside"] else "outside"
        rows.append(
            Claim(
                f"end of the plateau as a power of {what}",
                f"{fit['median']:.2f} [{fit['low']:.2f}, {fit['high']:.2f}]; theory's escape time "
                f"{one['theory']:.3f}, {verdict}; 1 / escape rate {one['inverse_rate']:.3f}",
                script,
                name,
            )
        )
    groups = [(group, one["claim"]) for one in curves["plateaus"] for group in one["groups"]]
    heights = [group["height"] / group["plateau_height"] - 1 for group, _ in groups]
    missing = sum(group["runs"] - group["with_plateau"] for group, _ in groups)
    rows.append(
        Claim(
            "height of plateaus over that of theory, six groups; runs in which none was found",
            f"{100 * min(heights):+.1f}% to {100 * max(heights):+.1f}%; {missing} of "
            f"{sum(group['runs'] for group, _ in groups)}",
            script,
            name,
        )
    )
    return claims(rows)
