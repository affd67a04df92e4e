"""Claims on networks under weight decay, random features, images and sequences, beside theory."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, held, kept, share

HERE = "reproduction"


def weight_decay() -> str:
    """Return how diagonal and quadratic networks compare with state evolution."""
    script, name = f"{HERE}/diagonal_quadratic/reference_rows.py", "diagonal_quadratic_reference"
    found = kept(name)["summary"]
    rows = [
        Claim(
            "rows of the reference, theory and training, within their tolerance",
            f"{found['inside']} of {found['rows']}; {len(found['left_out'])} rows left out, "
            "training at d = 400 with more than 20,000 examples",
            script,
            name,
        )
    ]
    script, name = f"{HERE}/diagonal_quadratic/overlay.py", "diagonal_quadratic_overlay"
    for family in ("diagonal", "quadratic"):
        one = kept(name)[family]["summary"]
        median, most = one["off theory, median and most"]
        both, unique = one["runs where both arrived"], one["of these with one minimiser"]
        rows.append(
            Claim(
                f"{family} networks trained by L-BFGS, {one['runs']} runs, {one['points']} means: "
                "off state evolution, median and most; means within 3 standard errors",
                f"{100 * median:.1f}%, {100 * most:.0f}%; {one['points within 3 standard errors']}",
                script,
                name,
            )
        )
        rows.append(
            Claim(
                "these beside convex solvers on the same data, where both arrived: the most that "
                "objectives differ; and risks, where the minimiser is unique",
                f"{one['most that objectives differ']:.0e} ({both} runs); "
                f"{one['most that their risks differ']:.0e} ({unique})",
                script,
                name,
            )
        )
    script, name = f"{HERE}/diagonal_quadratic/phase_diagram.py", "diagonal_quadratic_phases"
    diagrams = {family: kept(name)[family] for family in ("diagonal", "quadratic")}
    off = {
        family: max(abs(a - b) for a, b in zip(found["simulation"], found["theory"], strict=True))
        for family, found in diagrams.items()
    }
    rows.append(
        Claim(
            "phase diagrams: exponents of trained networks between neighbours in n, off state "
            "evolution's, median and most: diagonal; quadratic",
            "; ".join(
                f"{found['median_difference']:.3f}, {off[family]:.2f}"
                for family, found in diagrams.items()
            ),
            script,
            name,
        )
    )
    script, name = f"{HERE}/diagonal_quadratic/spectra.py", "diagonal_quadratic_spectra"
    tails = kept(name)["summary"]
    for setting in dict.fromkeys(one["setting"] for one in tails):
        own = [one for one in tails if one["setting"] == setting]
        held_by = sum(one["added_back"]["held"] for one in own)
        runs = sum(one["runs"] for one in own)
        medians = ", ".join(f"{one['added_back']['median']:.2f} ({one['want']:.2f})" for one in own)
        rows.append(
            Claim(
                f"tails of singular values of trained quadratic networks, {setting}: 90% intervals "
                "that hold 1 + 2 / gamma; medians (and that) at gamma = "
                + ", ".join(f"{one['gamma']:g}" for one in own),
                f"{held_by} of {runs}; {medians}",
                script,
                name,
            )
        )
    return claims(rows)


def features() -> str:
    """Return how random features, surfaces and manifolds compare with theory."""
    script, name = f"{HERE}/four_regimes/reproduce.py", "four_regimes"
    counts = kept(name)["counts"]
    rows = [
        Claim(
            "rows of the reference within their tolerance: theory; simulated, by kind",
            "; ".join(f"{kind} {inside} of {of}" for kind, (inside, of) in counts.items()),
            script,
            name,
        )
    ]
    script, name = f"{HERE}/four_regimes/figure.py", "four_regimes_figure"
    rows += [
        Claim(
            f"{one['regime']}: 90% intervals that hold theory's exponent in the window, "
            "three spectra, ten sets of draws each; medians (theory)",
            f"{one['inside']} of {one['n']}; {one['medians']}",
            script,
            name,
        )
        for one in _by_regime(kept(name)["exponents"])
    ]
    script, name = f"{HERE}/four_regimes/surfaces.py", "four_regimes_surfaces"
    kinds = {key: one for key, one in kept(name).items() if isinstance(one, dict) and "all" in one}
    for kind, groups in kinds.items():
        all_, unlike = groups["all"], groups["unlike additive"]
        for key, what in (("alpha", "alpha"), ("here", "what the law has on theory there")):
            cover = all_[f"90% of {key}"]
            rows.append(
                Claim(
                    f"{all_['n']} surfaces, {kind}: 90% intervals of the four-regime law that hold "
                    f"{what}, features and data",
                    f"{held(cover['features'])}, {held(cover['data'])}",
                    script,
                    name,
                )
            )
        over = unlike["over additive"]
        rows.append(
            Claim(
                f"evidence prefers it to the additive law, {unlike['n']} of these where the two "
                "differ; median nats",
                f"{held(over['share'])}; {over['nats']:+.1f}",
                script,
                name,
            )
        )
    rows += [
        Claim(
            f"the exponent of a difference, {way}: 90% intervals that hold that of the exact "
            "values; mean of medians (exact)",
            f"{held(one['90%'])}; {one['median']:.3f} ({one['exact']:.3f})",
            script,
            name,
        )
        for way, one in kept(name)["differences"].items()
    ]
    script, name = f"{HERE}/four_regimes/dimension.py", "dimension"
    for kind in ("sphere", "normal", "torus", "cube"):
        cells = kept(name)[kind]
        rows.append(
            Claim(
                f"intrinsic dimension, {kind}, {cells[0]['n']} draws of 2,000 points: 90% "
                "intervals that hold it, d = 1 to 8",
                ", ".join(share(one["90%"][0], 2) for one in cells),
                script,
                name,
            )
        )
    script, name = f"{HERE}/four_regimes/images.py", "image_dimension"
    for label, one in kept(name)["sets"].items():
        (d, low, high), scales = one["dimension"], next(iter(one["by scale"].values()))
        rows.append(
            Claim(
                f"images {label}: dimension; by the nearest neighbours, and the farthest asked; "
                "2 over the exponent of the distance of neighbours",
                f"{d:.1f} [{low:.1f}, {high:.1f}]; {scales[1]:.1f}, {scales[-1]:.1f}; "
                f"{one['d by distance'][0]:.1f}",
                script,
                name,
            )
        )
    return claims(rows)


def deep() -> str:
    """Return the exponents of limits, and when sequences are learned."""
    script, name = f"{HERE}/deep/variance_limited.py", "variance_limited"
    found = kept(name)["experiments"]
    names = {
        "features_32": "32 features in data",
        "features_128": "128 features in data",
        "width": "features in width",
        "mlp": "an MLP of one hidden layer in data",
    }
    rows = []
    for key, words in names.items():
        one = found[key]
        rows.append(
            Claim(
                f"variance-limited exponent, {words}, {one['images']}, against {one['abscissa']}; "
                "wanted .95 to 1.05; against the size as it is",
                f"{_three(one['exponent'])}; {_three(one['exponent_against_size'])}",
                script,
                name,
            )
        )
    script, name = f"{HERE}/sequence/emergence.py", "emergence"
    parity, induction = kept(name)["parity"], kept(name)["induction"]
    rows.append(
        Claim(
            f"multitask sparse parity, {parity['runs']} runs: slope of the step of learning "
            f"against frequency, theory {parity['target']:g}; never learned, of all subtasks",
            f"{_three(parity['slope'])}; {parity['censored']} of "
            f"{parity['runs'] * parity['subtasks']}",
            script,
            name,
        )
    )
    for one in induction["fits"]:
        when = "; ".join(
            f"{median:.0f} [{low:.0f}, {high:.0f}]" for median, low, high in one["emergences"]
        )
        rows.append(
            Claim(
                f"induction heads, {one['run'].rpartition(', ')[2]}: steps of the emergences, by "
                "the fit; its verdict",
                f"{when}; {one['verdict'].partition(':')[0]}",
                script,
                name,
            )
        )
    return claims(rows)


def _three(values: list[float]) -> str:
    median, low, high = values
    return f"{median:.3f} [{low:.3f}, {high:.3f}]"


def _by_regime(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a regime, over the spectra."""
    found = []
    for regime in dict.fromkeys(one["regime"] for one in table):
        own = [one for one in table if one["regime"] == regime]
        found.append(
            {
                "regime": regime,
                "inside": sum(one["inside"] for one in own),
                "n": sum(one["n"] for one in own),
                "medians": ", ".join(f"{one['median']:.3f} ({one['theory']:.3f})" for one in own),
            }
        )
    return found
