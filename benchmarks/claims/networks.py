"""Claims on networks under weight decay, random features, images and sequences, beside theory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from claims.kept import Claim, claims, held, kept, share

NETWORKS = {
    "features_32": "32 features in data",
    "features_128": "128 features in data",
    "width": "features in width",
    "mlp": "an MLP of one hidden layer in data",
}
"""What is limited by variance, in words."""


def weight_decay() -> str:
    """Return how diagonal and quadratic networks compare with state evolution."""
    return claims([*_reference(), *_overlay(), *_phases(), *_spectra(), *_speed()])


def features() -> str:
    """Return how random features, surfaces and manifolds compare with theory."""
    return claims([*_rows(), *_regimes(), *_surfaces(), *_differences(), *_manifolds(), *_images()])


def deep() -> str:
    """Return the exponents of limits, and when sequences are learned."""
    return claims([*_limits(), *_sequences()])


def norms() -> str:
    """Return the exponents of the collapse of deep networks, campaign by campaign."""
    return claims(_campaigns())


def _made_by(script: str, name: str) -> tuple[Callable[[str, str], Claim], Any]:
    """Return what makes a claim of a script, and the result that it keeps."""
    return partial(Claim, script=f"{script}.py", kept=name), kept(name)


def _reference() -> Iterable[Claim]:
    claim, found = _made_by(
        "reproduction/diagonal_quadratic/reference_rows", "diagonal_quadratic_reference"
    )
    one = found["summary"]
    yield claim(
        "rows of the reference, theory and training, within their tolerance",
        f"{one['inside']} of {one['rows']}; {len(one['left_out'])} rows left out, "
        "training at d = 400 with more than 20,000 examples",
    )


def _overlay() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/diagonal_quadratic/overlay", "diagonal_quadratic_overlay")
    for family in ("diagonal", "quadratic"):
        one = found[family]["summary"]
        median, most = one["off theory, median and most"]
        yield claim(
            f"{family} networks trained by L-BFGS, {one['runs']} runs, {one['points']} means: "
            "off state evolution, median and most; means within 3 standard errors",
            f"{100 * median:.1f}%, {100 * most:.0f}%; {one['points within 3 standard errors']}",
        )
        both, unique = one["runs where both arrived"], one["of these with one minimiser"]
        yield claim(
            "these beside convex solvers on the same data, where both arrived: the most that "
            "objectives differ; and risks, where the minimiser is unique",
            f"{one['most that objectives differ']:.0e} ({both} runs); "
            f"{one['most that their risks differ']:.0e} ({unique})",
        )


def _phases() -> Iterable[Claim]:
    claim, found = _made_by(
        "reproduction/diagonal_quadratic/phase_diagram", "diagonal_quadratic_phases"
    )
    off = []
    for family in ("diagonal", "quadratic"):
        one = found[family]
        both = zip(one["simulation"], one["theory"], strict=True)
        off.append(f"{one['median_difference']:.3f}, {max(abs(a - b) for a, b in both):.2f}")
    yield claim(
        "phase diagrams: exponents of trained networks between neighbours in n, off state "
        "evolution's, median and most: diagonal; quadratic",
        "; ".join(off),
    )


def _spectra() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/diagonal_quadratic/spectra", "diagonal_quadratic_spectra")
    for setting, own in _grouped(found["summary"], "setting"):
        inside = sum(one["added_back"]["held"] for one in own)
        medians = ", ".join(f"{one['added_back']['median']:.2f} ({one['want']:.2f})" for one in own)
        yield claim(
            f"tails of singular values of trained quadratic networks, {setting}: 90% intervals "
            "that hold 1 + 2 / gamma; medians (and that) at gamma = "
            + ", ".join(f"{one['gamma']:g}" for one in own),
            f"{inside} of {sum(one['runs'] for one in own)}; {medians}",
        )


def _speed() -> Iterable[Claim]:
    claim, found = _made_by("speed/weight_decay", "weight_decay_speed")
    beside = {"network": "torch's L-BFGS", "convex": "scikit-learn's coordinate descent"}
    for setting in ("diagonal", "diagonal, at the peak", "quadratic", "quadratic, at the peak"):
        one = found[setting]
        times = one["times_faster"]
        yield claim(
            f"{one['runs']} runs in {setting}, n = {one['n_train']}: CPU time of a loop over ours, "
            "lowest of five: " + "; ".join(beside[key] for key in times),
            "; ".join(f"{values[0]:.1f}x" for values in times.values()),
        )
    yield claim(
        "state evolution, CPU s: " + "; ".join(found["cpu_seconds"]),
        "; ".join(f"{value:.1f}" for value in found["cpu_seconds"].values()),
    )


def _rows() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/reproduce", "four_regimes")
    yield claim(
        "rows of the reference within their tolerance: theory; simulated, by kind",
        "; ".join(f"{kind} {inside} of {of}" for kind, (inside, of) in found["counts"].items()),
    )


def _regimes() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/figure", "four_regimes_figure")
    for regime, own in _grouped(found["exponents"], "regime"):
        medians = ", ".join(f"{one['median']:.3f} ({one['theory']:.3f})" for one in own)
        yield claim(
            f"{regime}: 90% intervals that hold theory's exponent in the window, "
            "three spectra, ten sets of draws each; medians (theory)",
            f"{sum(one['inside'] for one in own)} of {sum(one['n'] for one in own)}; {medians}",
        )


def _surfaces() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/surfaces", "four_regimes_surfaces")
    kinds = {key: one for key, one in found.items() if isinstance(one, dict) and "all" in one}
    for kind, groups in kinds.items():
        every, unlike = groups["all"], groups["unlike additive"]
        for key, what in (("alpha", "alpha"), ("here", "what the law has on theory there")):
            cover = every[f"90% of {key}"]
            yield claim(
                f"{every['n']} surfaces, {kind}: 90% intervals of the four-regime law that hold "
                f"{what}, features and data",
                f"{held(cover['features'])}, {held(cover['data'])}",
            )
        over = unlike["over additive"]
        yield claim(
            f"evidence prefers it to the additive law, {unlike['n']} of these where the two "
            "differ; median nats",
            f"{held(over['share'])}; {over['nats']:+.1f}",
        )


def _differences() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/surfaces", "four_regimes_surfaces")
    for way, one in found["differences"].items():
        yield claim(
            f"the exponent of a difference, {way}: 90% intervals that hold that of the exact "
            "values; mean of medians (exact)",
            f"{held(one['90%'])}; {one['median']:.3f} ({one['exact']:.3f})",
        )


def _manifolds() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/dimension", "dimension")
    for kind in ("sphere", "normal", "torus", "cube"):
        cells = found[kind]
        yield claim(
            f"intrinsic dimension, {kind}, {cells[0]['n']} draws of 2,000 points: 90% "
            "intervals that hold it, d = 1 to 8",
            ", ".join(share(one["90%"][0], 2) for one in cells),
        )


def _images() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/four_regimes/images", "image_dimension")
    for label, one in found["sets"].items():
        (d, low, high), scales = one["dimension"], next(iter(one["by scale"].values()))
        yield claim(
            f"images {label}: dimension; by the nearest neighbours, and the farthest asked; "
            "2 over the exponent of the distance of neighbours",
            f"{d:.1f} [{low:.1f}, {high:.1f}]; {scales[1]:.1f}, {scales[-1]:.1f}; "
            f"{one['d by distance'][0]:.1f}",
        )


def _limits() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/deep/variance_limited", "variance_limited")
    for key, words in NETWORKS.items():
        one = found["experiments"][key]
        yield claim(
            f"variance-limited exponent, {words}, {one['images']}, against {one['abscissa']}; "
            "wanted .95 to 1.05; against the size as it is",
            f"{_interval(one['exponent'], 3)}; {_interval(one['exponent_against_size'], 3)}",
        )


def _campaigns() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/deep/exponents", "deep_exponents")
    for name, one in found["campaigns"].items():
        public = one["published"]
        if "norms" not in one:
            target, error = public["least_error"]
            yield claim(
                f"{name}, {one['runs']} runs of {one['n_train']} images: minimum of the mean "
                "curve, with Student's interval; published; runs that stayed at chance",
                f"{one['minimum']:.3f} [{', '.join(f'{end:.3f}' for end in one['interval'])}]; "
                f"{target:.3f} ({error:.3f}); {len(one.get('stalled', []))}",
            )
            continue
        beside = f"; published {public['measured'][0]:.3f}" if public else ""
        yield claim(
            f"{name}, {one['runs']} runs: slope of the least error in the number of images",
            _interval(one["smallest_error"]["slope"], 3) + beside,
        )
        for norm, fit in one["norms"].items():
            if "exponents" not in fit:
                yield claim(f"{name}, by {norm}", f"no fit: {fit['verdict']}")
                continue
            of = {key: _interval(value, 3) for key, value in fit["exponents"].items()}
            yield claim(
                f"{name}, by {norm}: gamma; gamma_0, log Bayes factor of 0; gamma_1; gamma_2; "
                "verdict",
                f"{of['gamma']}; {of['gamma_0']}, {fit['gamma_0_is_0']['log_bayes']:+.1f}; "
                f"{of['gamma_1']}; {of['gamma_2']}; {fit['verdict'].partition(':')[0]}",
            )


def _sequences() -> Iterable[Claim]:
    claim, found = _made_by("reproduction/sequence/emergence", "emergence")
    parity = found["parity"]
    yield claim(
        f"multitask sparse parity, {parity['runs']} runs: slope of the step of learning "
        f"against frequency, theory {parity['target']:g}; never learned, of all subtasks",
        f"{_interval(parity['slope'], 3)}; {parity['censored']} of "
        f"{parity['runs'] * parity['subtasks']}",
    )
    for one in found["induction"]["fits"]:
        windows = one["windows"]
        when = "; ".join(_interval(window["emergence"], 0) for window in windows)
        verdicts = ", ".join(window["verdict"].partition(":")[0] for window in windows)
        yield claim(
            f"induction heads, {one['run'].rpartition(', ')[2]}: steps of the emergences, by "
            "fits around each; their verdicts",
            f"{when}; {verdicts}",
        )


def _interval(values: list[float], digits: int) -> str:
    """Return a median with the ends of its interval."""
    median, low, high = (f"{one:.{digits}f}" for one in values)
    return f"{median} [{low}, {high}]"


def _grouped(rows: list[dict[str, Any]], key: str) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Return the rows of each value of a key, in the order in which the values come."""
    for value in dict.fromkeys(row[key] for row in rows):
        yield value, [row for row in rows if row[key] == value]
