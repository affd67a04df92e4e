"""Claims of the README: how often intervals hold what they should, in favour and not."""

from __future__ import annotations

from claims.calibration import truths_without_floor
from claims.kept import binomial, held, kept, of, share, table
from claims.public_curves import public


def trust() -> str:
    """Return how often intervals hold what they should, in favour and not."""
    levels = list(kept("sbc")["crossovers"].values())
    lowest, highest = (f(one["pooled"]["90%"] for one in levels) for f in (min, max))
    averaged = kept("averaging")["all"]["coverage"]
    ar1 = kept("noise")["truths"]["ar1"]["likelihoods"]
    outside = {key: one["noise"]["auto"] for key, one in kept("outside")["truths"].items()}
    floorless = truths_without_floor("log_y_10x")
    reached = kept("reach")["all"]
    two = kept("pooling")["cells"]["2 regimes, floor"]
    nuts = kept("exponent_coverage_nuts")["results"]["all"]["all_fits"]
    vision, language = public("scalefit", ["IC"]), public("scalefit", ["NMT", "LM", "BB"])
    ok = kept("outside")["truths"]["decay"]["verdict_ok"]
    assert ok == {"normal": 1.0, "ar1": 1.0}
    points = ("point_2x_hazard1", "point_10x_hazard1")
    rows = [
        [
            "parameters, the law known",
            "drawn from the priors, 0 to 3 crossovers",
            f"{share(lowest[0])} to {share(highest[0])}",
            "4,800",
        ],
        [
            "exponent at the last x",
            "drawn from the priors, regimes and floor unknown",
            held(averaged["end_exponent"]["90%"]),
            "1,600",
        ],
        [
            "y at 10 times the last x",
            "as in the row above",
            held(averaged["log_y_10x"]["90%"]),
            "1,600",
        ],
        [
            "",
            "of these, truths without a floor",
            held(floorless[:2]),
            f"{floorless[2]:.0f}",
        ],
        [
            "parameters",
            'correlated noise (.8), `noise="auto"`',
            held(ar1["auto"]["parameters"]["90%"]),
            "500",
        ],
        ["y up to twice the last x", "public curves, images", held(vision), "72"],
        ["", "public curves, language", held(language), "20"],
        [
            "y at 2 times, at 10 times",
            "sum of three power laws",
            ", ".join(of(outside["three"][key]["90%"], 24) for key in points),
            "24",
        ],
        [
            "exponent at the last x",
            "sum of three power laws",
            held(outside["three"]["end_exponent"]["90%"], 2),
            "24",
        ],
        [
            "y at 2 times, at 10 times",
            "loss that fell with a decaying learning rate; every verdict `ok`",
            ", ".join(of(outside["decay"][key]["90%"], 24) for key in points),
            "24",
        ],
        [
            "x at which a target is reached †",
            "drawn from the priors, the law known",
            held(binomial(reached["interval_holds"]["0.9"] * 400, 400)),
            "400",
        ],
        [
            "values that pooled curves share †",
            "drawn from the priors, two regimes and a floor",
            held(two["shared"]["90%"]),
            "19 groups",
        ],
        [
            'exponents, `method="nuts"` †',
            "drawn from the priors, 1 or 2 regimes, the law known",
            held([nuts["coverage"], nuts["clustered_se"]]),
            "200",
        ],
    ]
    return table(
        ["90% intervals of", "where the truth is", "hold (standard error)", "curves"], rows
    )
