"""Claims on calibration: do intervals hold, with the law known, not known, and outside it."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, binomial, claims, counted, held, kept, of, share


def truths_without_floor(name: str) -> list[float]:
    """Return how often 90% intervals hold, where the truth has no floor."""
    cells = [cell for key, cell in kept("averaging")["by_truth"].items() if "no floor" in key]
    n = sum(cell["curves"] for cell in cells)
    inside = sum(cell["coverage"][name]["90%"][0] * cell["curves"] for cell in cells)
    return [*binomial(inside, n), n]


def calibration() -> str:
    """Return claims on intervals where the law is known."""
    script, name = "calibration/sbc.py", "sbc"
    rows = []
    for key, one in kept(name)["crossovers"].items():
        pooled, seconds = one["pooled"], one["cpu_s_mean_median_95"]
        rows.append(
            Claim(
                f"{counted(key)}, 1,200 curves: central 50, 90 and 95% intervals of all parameters",
                f"{held(pooled['50%'])}, {held(pooled['90%'])}, {held(pooled['95%'])}; certified "
                f"{share(one['certified'])}; CPU s, median and 95%: {seconds[1]:.2f}, "
                f"{seconds[2]:.1f}",
                script,
                name,
            )
        )
    cells = kept(name)["cells"]
    worst = min(cells, key=lambda key: cells[key]["pooled"]["90%"][0])
    rows.append(
        Claim(
            "the worst of the 16 cells at 90%",
            f"{counted(worst)}: {held(cells[worst]['pooled']['90%'])}",
            script,
            name,
        )
    )
    found = kept("exponent_coverage_nuts")["results"]
    control = kept("exponent_coverage_nuts")["control_least_squares_1_regime_no_floor"]
    script, name = "calibration/exponent_coverage.py", "exponent_coverage_nuts"

    def nuts(one: dict[str, Any]) -> str:
        return held([one["coverage"], one["clustered_se"]])

    everything, floor = found["all"], found["2 regimes, floor"]
    rows += [
        Claim(
            '`method="nuts"`: 90% intervals of 300 exponents, 200 curves',
            f"{nuts(everything['all_fits'])}; where the verdict is ok, "
            f"{everything['verdict_ok']['curves']} curves, {nuts(everything['verdict_ok'])}",
            script,
            name,
        ),
        Claim(
            "of these, two regimes and a floor",
            f"{nuts(floor['all_fits'])}; {floor['verdict_ok']['curves']} of "
            f"{floor['all_fits']['curves']} verdicts ok",
            script,
            name,
        ),
        Claim(
            "of these, one regime without floor, beside exact least squares on the same curves",
            f"{nuts(found['1 regime, no floor']['all_fits'])} and "
            f"{held([control['coverage'], control['binomial_se']])}: the luck of these 50 curves",
            script,
            name,
        ),
    ]
    return claims(rows)


def models() -> str:
    """Return claims on the choice of model and on averages over models."""
    script, name = "calibration/averaging.py", "averaging"
    whole = kept(name)["all"]
    covered, score = whole["coverage"], whole["interval_score_over_true_model"]

    def both(key: str) -> str:
        return f"{held(covered[key]['90%'])} and {held(covered[key]['95%'])}"

    floorless = truths_without_floor("log_y_10x")
    every = truths_without_floor("every_log_y_10x")
    again = kept("evidence")
    return claims(
        [
            Claim(
                "stated probabilities of (regimes, floor), and of regimes, are off by, on average",
                f"{share(whole['P(regimes, floor)']['calibration_error'])} and "
                f"{share(whole['P(regimes)']['calibration_error'])}",
                script,
                name,
            ),
            Claim(
                "the most probable (regimes, floor) is the true one; the most probable number is",
                f"{share(whole['top_model_right'])}; {share(whole['top_number_right'])}",
                script,
                name,
            ),
            Claim(
                "90% and 95% intervals of the end exponent, averaged over models",
                both("end_exponent"),
                script,
                name,
            ),
            Claim(
                "of log y at 2 times the last x, no further crossover to come",
                both("every_log_y_2x"),
                script,
                name,
            ),
            Claim("of log y at 10 times", both("every_log_y_10x"), script, name),
            Claim(
                "at 2 times, further crossovers coming as assumed",
                both("every_log_y_2x_hazard"),
                script,
                name,
            ),
            Claim("at 10 times, likewise", both("every_log_y_10x_hazard"), script, name),
            Claim(
                f"90% at 10 times where the truth has no floor ({floorless[2]:.0f} curves), by all "
                "models, as predictions are, and by those with a floor",
                f"{held(every[:2])} and {held(floorless[:2])}",
                script,
                name,
            ),
            Claim(
                "what not knowing the model costs: interval score over that of the true model, end "
                "exponent; log y at 10 times with and without further crossovers",
                "; ".join(
                    f"{score[key][0]:.2f} ({score[key][1]:.2f})"
                    for key in ("end_exponent", "every_log_y_10x_hazard", "every_log_y_10x")
                ),
                script,
                name,
            ),
            Claim(
                "log evidence, two seeds, in nats: median and largest difference on certified "
                "curves; largest on all",
                f"{share(again['repeat']['certified']['median'])}, "
                f"{share(again['repeat']['certified']['worst'])} "
                f"(n = {again['repeat']['certified']['n']}); "
                f"{again['repeat']['all']['worst']:.2f} (n = {again['repeat']['all']['n']})",
                "calibration/evidence.py",
                "evidence",
            ),
            Claim(
                "against forty times the effort: median and largest, certified; largest on all",
                f"{share(again['effort']['certified']['median'])}, "
                f"{share(again['effort']['certified']['worst'])} "
                f"(n = {again['effort']['certified']['n']}); "
                f"{share(again['effort']['all']['worst'])} (n = {again['effort']['all']['n']})",
                "calibration/evidence.py",
                "evidence",
            ),
            Claim(
                "against quadrature, no crossover and one: median, largest; the target was .01",
                "; ".join(
                    f"{share(one['median'])}, {share(one['worst'])} (n = {one['n']})"
                    for key, one in again["quadrature"].items()
                    if "crossover" in key
                ),
                "calibration/evidence.py",
                "evidence",
            ),
        ]
    )


def noise() -> str:
    """Return claims on correlated noise and on known errors."""
    script, name = "calibration/noise.py", "noise"
    rows = []
    for truth, words in (("ar1", "AR(1) noise of correlation .8"), ("normal", "independent noise")):
        found = kept(name)["truths"][truth]["likelihoods"]
        for kind in ("auto", "ar1", "normal"):
            one = found[kind]
            rows.append(
                Claim(
                    f"{words}, 500 curves, fitted with `{kind}`: 90% intervals of parameters; of "
                    "log y at 10 times",
                    f"{held(one['parameters']['90%'])}; {held(one['log_y_10x']['90%'])}",
                    script,
                    name,
                )
            )
    gadre = kept("gadre")["all"]

    def left_out(key: str) -> str:
        one = gadre[key]["left_out_hazard1"]
        return (
            f"{held(one['coverage']['90%'])}, {one['log_density_of_log_y'][0]:.2f} "
            f"({one['log_density_of_log_y'][1]:.2f})"
        )

    labels = {
        "none": "no known error",
        "tokens": "errors from tokens, and more noise",
        "sequences": "errors from whole sequences, and more noise",
        "tokens_only": "errors from tokens alone",
        "sequences_only": "errors from whole sequences alone",
    }
    rows += [
        Claim(
            f"over-trained language models, 96 curves of 8 points, {words}: 90% intervals of the "
            "last point, left out; log density of it",
            left_out(key),
            "extrapolation/gadre.py",
            "gadre",
        )
        for key, words in labels.items()
    ]
    return claims(rows)


def beyond() -> str:
    """Return claims on forecasts: truths outside the family, targets, heads."""
    script, name = "calibration/outside.py", "outside"
    words = {
        "approach": "exponential approach to a power law",
        "three": "sum of three power laws",
        "ripple": "power law that oscillates in log x by 2 to 8%",
        "decay": "power law whose excess falls by 10 to 40% over the last 40% of the run, as under "
        "a decaying learning rate",
    }

    def point(one: dict[str, Any], times: int, hazard: int) -> str:
        return of(one[f"point_{times}x_hazard{hazard}"]["90%"], 24)

    rows = []
    for key, what in words.items():
        truth = kept(name)["truths"][key]
        one, ok = truth["noise"]["auto"], truth["verdict_ok"]
        end = (
            f"; end exponent {held(one['end_exponent']['90%'], 2)}, end slope "
            f"{held(one['end_slope']['90%'], 2)}"
            if "end_exponent" in one
            else ""
        )
        rows.append(
            Claim(
                f"{what}, 24 curves: 90% intervals of a new point at 2 and 10 times, further "
                "crossovers allowed, and not",
                f"{point(one, 2, 1)}, {point(one, 10, 1)}; {point(one, 2, 0)}, "
                f"{point(one, 10, 0)}{end}; verdict ok "
                f"{share(ok['normal'], 2)} by normal noise, {share(ok['ar1'], 2)} by AR(1)",
                script,
                name,
            )
        )
    script, name = "calibration/reach.py", "reach"
    found = kept(name)["all"]
    worst = kept(name)["cells"]["2 regimes, floor"]
    rows += [
        Claim(
            "targets are reached as often as forecast, 400 curves: forecast, seen",
            f"{share(found['mean_probability'])}, {share(found['reached'])}; Brier score "
            f"{share(found['brier'])}, expected {share(found['brier_expected'])}",
            script,
            name,
        ),
        Claim(
            "50% and 90% intervals of the x at which; a target that is never reached counts as "
            "held wherever the interval reaches to never",
            " and ".join(
                held(binomial(found["interval_holds"][level] * 400, 400))
                for level in ("0.5", "0.9")
            )
            + f"; two regimes and a floor {share(worst['interval_holds']['0.5'], 2)}, "
            f"{share(worst['interval_holds']['0.9'], 2)}",
            script,
            name,
        ),
    ]
    heads = kept("head")["groups"]
    clean = sum(one["curves"] for key, one in heads.items() if key.startswith("clean"))
    false = sum(one["notes"] for key, one in heads.items() if key.startswith("clean"))
    rows.append(
        Claim(
            "a head that is no part of the law is pointed out: on clean curves; on curves with a "
            "smooth warm-up",
            f"{false} of {clean}; {heads['warm-up']['notes']} of {heads['warm-up']['curves']}",
            "calibration/head.py",
            "head",
        )
    )
    return claims(rows)


def pooled() -> str:
    """Return claims on partial pooling."""
    found = kept("pooling")
    rows = []
    for key, one in {"all": found["all"], **found["cells"]}.items():
        ok = one["shared_where_ok"]
        rows.append(
            Claim(
                f"{counted(key)}, {one['groups']} groups of five curves: "
                "90% intervals of shared values; of the curves' own exponents",
                f"{held(one['shared']['90%'])}; {held(one['own']['90%'])}; where the verdict is "
                f"ok, {ok['curves']} groups, shared {held(ok['90%'])}",
                "calibration/pooling.py",
                "pooling",
            )
        )
    return claims(rows)
