"""Faults put into the sources one at a time, and whether a test notices each.

Each is a few characters of one file, which is found by the text that they replace. The package is
copied with the fault in it, and the tests that should fail are run there; a fault that they pass
over survives, and the script ends with 1. First the same tests are run without any fault.

    python benchmarks/mutants.py
    python benchmarks/mutants.py --only law noise --out trial.json
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import campaign

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "scalefit": "scalefit",
    "trainers": "scalefit/trainers",
    "datasets": "scalefit/datasets",
}
"""Folders of the sources, and where an installed package has them."""
SECONDS = 600


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes
    ----------
    name
        What is wrong.
    old, new
        Text that stands once in the sources, and what takes its place.
    tests
        Those that should fail, as pytest names them.
    """

    name: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "prior of models without weight",
        "    return math.log(FLOOR if floor else 1.0 - FLOOR)\n",
        "    return 0.0\n",
        ("tests/inference/test_ensemble.py::test_models_of_equal_evidence_have_their_prior_odds",),
    ),
    Mutant(
        "densities of new points without further crossovers",
        "        log_y = law_at(record, run, params, at, hazard, futures)\n        mean, sd",
        "        log_y = law_at(record, run, params, at, 0.0, futures)\n        mean, sd",
        (
            "tests/forecast/test_predictions.py::"
            "test_log_predictive_beyond_the_data_averages_the_futures_that_are_drawn",
        ),
    ),
    Mutant(
        "report of a fit that cannot be relied on ends with 0",
        "    say_doubts(fit)\n    return 0 if fit.ok else 4\n",
        "    say_doubts(fit)\n    return 0\n",
        (
            "tests/cli/test_report.py::"
            "test_a_fit_that_cannot_be_relied_on_is_written_and_ends_with_4",
        ),
    ),
    Mutant(
        "demonstration with a fit that cannot be relied on ends with 0",
        "    return 0 if ok else 4\n",
        "    return 0\n",
        ("tests/cli/test_demo.py",),
    ),
    Mutant(
        "spread of pooled curves wider a priori",
        "SPREAD = 0.3\n",
        "SPREAD = 0.33\n",
        ("tests/inference/test_pooled.py::test_half_of_all_spreads_are_below_a_fifth",),
    ),
    Mutant(
        "constant of the last phase counts one unit too many",
        "    return (together + (K - 1) * apart) / (2 * K) * beyond(L, beta)\n",
        "    return (together + K * apart) / (2 * K) * beyond(L, beta)\n",
        (
            "tests/trainers/committee/test_theory.py::"
            "test_last_phase_lacks_what_comes_after_the_last_eigenvalue",
        ),
    ),
    Mutant(
        "two searches may differ by more than is said",
        "AGREE = 0.3  #",
        "AGREE = 0.39  #",
        ("tests/inference/test_certified.py::test_what_a_certificate_doubts",),
    ),
    Mutant(
        "a training begins anew where its state was saved",
        "    kept = slot.read() if slot else None\n",
        "    kept = None\n",
        (
            "tests/trainers/test_loop.py::"
            "test_fresh_data_reach_every_step_once_and_survive_interruptions",
        ),
    ),
    Mutant(
        "law: crossovers change the exponent only half-way",
        "            change = exponent[..., i + 1, None] - exponent[..., i, None]\n"
        "            log_y = log_y - change * scale * xp.logaddexp(0.0, past)\n",
        "            change = exponent[..., i + 1, None] - exponent[..., i, None]\n"
        "            log_y = log_y - 0.5 * change * scale * xp.logaddexp(0.0, past)\n",
        ("tests/laws/test_broken.py::test_log_mean_is_the_integral_of_the_slope",),
    ),
    Mutant(
        "law: local exponents fade where there is no floor",
        "        if floor and law.floor:\n",
        "        if law.floor:\n",
        ("tests/laws/test_broken.py::test_local_exponent_is_the_slope_of_log_mean",),
    ),
    Mutant(
        "noise: innovations of correlated noise too small",
        "        free = np.maximum(1.0 - carry**2, 1e-12)\n",
        "        free = np.maximum(1.0 - carry, 1e-12)\n",
        ("tests/laws/test_noise.py::test_correlated_noise_is_a_dense_normal",),
    ),
    Mutant(
        "noise: displaced runs lack part of their determinant",
        "        log_scale[:, begin] += 0.5 * np.log1p(grown)\n",
        "        log_scale[:, begin] += 0.25 * np.log1p(grown)\n",
        ("tests/laws/test_noise.py::test_displaced_runs_have_the_dense_covariance",),
    ),
    Mutant(
        "surfaces: points along runs are taken for independent",
        'noise=("ar1-run" if several else "ar1") if along else "student")',
        'noise="student")',
        (
            "tests/test_surfaces.py::"
            "test_runs_of_a_trajectory_have_correlated_noise_and_one_effect_each",
        ),
    ),
    Mutant(
        "noise: heavy tails lack a constant",
        "        constant = constant - 0.5 * np.log(np.pi * nu)\n",
        "        constant = constant - 0.5 * np.log(np.pi)\n",
        ("tests/laws/test_noise.py::test_independent_noise_is_that_of_scipy",),
    ),
    Mutant(
        "forecast: crossovers per e-fold, not per decade",
        "    counts = rng.poisson(hazard * reach / np.log(10.0), size=draws)\n",
        "    counts = rng.poisson(hazard * reach, size=draws)\n",
        ("tests/forecast/test_predictions.py::test_futures_have_the_stated_moments",),
    ),
    Mutant(
        "forecast: a target is reached at a point of the grid",
        "    found = log_x[before] + share * (log_x[first] - log_x[before])\n",
        "    found = log_x[first]\n",
        ("tests/forecast/test_reach.py::test_first_crossing",),
    ),
    Mutant(
        "forecast: correlated noise counts what is known twice",
        "    precision = 1.0 / left_free + 1.0 / right_free - 1.0 / variance\n",
        "    precision = 1.0 / left_free + 1.0 / right_free\n",
        (
            "tests/forecast/test_predictions.py::"
            "test_noise_given_residuals_is_a_gaussian_conditional",
        ),
    ),
    Mutant(
        "evidence: models that were dropped are weighed",
        '        if self.state == "dropped":\n            return -math.inf\n',
        "",
        ("tests/inference/test_ensemble.py::test_a_model_that_was_dropped_has_no_weight",),
    ),
    Mutant(
        "fit that cannot be relied on ends with 0",
        "    return 0 if result.ok else 4\n",
        "    return 0\n",
        ("tests/cli/test_refusals.py::test_a_bad_verdict_is_shown_written_and_4",),
    ),
    Mutant(
        "comparison of what cannot be relied on ends with 0",
        "    return 4 if runs else 0\n",
        "    return 0\n",
        ("tests/cli/test_compare.py::test_an_unreliable_run_is_compared_and_exits_with_4",),
    ),
    Mutant(
        "loop: the checkpoint at which a state was saved is lost",
        "for name, one in tensors.items()} for at in range(count)]\n",
        "for name, one in tensors.items()} for at in range(count - 1)]\n",
        ("tests/trainers/test_loop.py::test_a_training_resumes_from_its_state_bit_for_bit",),
    ),
    Mutant(
        "store: values that have changed are taken for what was written",
        ' != path.stem or found.attrs.get("digest") != digest(found):\n',
        " != path.stem:\n",
        ("tests/trainers/test_store.py::test_a_damaged_bundle_is_set_aside_and_made_again",),
    ),
    Mutant(
        "store: a run in two files is there twice",
        "        fresh = [i for i, label in enumerate(labels) if label not in seen]\n",
        "        fresh = list(range(len(labels)))\n",
        ("tests/trainers/test_store.py::test_a_run_that_stands_in_two_files_is_taken_once",),
    ),
    Mutant(
        "theory: error of a random student from half the angle",
        "2 * math.asin(math.sqrt(apart / 2)) / math.pi\n",
        "math.asin(math.sqrt(apart / 2)) / math.pi\n",
        ("tests/trainers/perceptron/test_theory.py::test_tails_of_the_limits_at_large_load",),
    ),
    Mutant(
        "theory: loss of the last phase twice as large",
        "        total += number * speed * (decay @ spectrum) / (2 * len(spectrum))\n",
        "        total += number * speed * (decay @ spectrum) / len(spectrum)\n",
        ("tests/trainers/committee/test_theory.py::test_last_phase_meets_the_full_solution",),
    ),
    Mutant(
        "noise: places before the data by the gap at their end",
        "(wanted - scale[0]) * first, inside)",
        "(wanted - scale[0]) * last, inside)",
        ("tests/laws/test_noise.py::test_places_go_on_beyond_the_data",),
    ),
    Mutant(
        "evidence: searches of unequal size merged as if equal",
        "np.log(len(part.z) / len(z)) + density)",
        "density - np.log(len(parts)))",
        ("tests/inference/test_certified.py::test_merged_draws_are_draws_of_the_mixture",),
    ),
    Mutant(
        "evidence: few independent draws are thought enough",
        "FEW = 500.0",
        "FEW = 150.0",
        ("tests/inference/test_certified.py::test_what_a_certificate_doubts",),
    ),
    Mutant(
        "evidence: a crossover that is no better is needed",
        "log_evidence - BETTER:",
        "log_evidence:",
        ("tests/inference/test_model_states.py::test_a_crossover_is_needed_if_it_is_a_nat_better",),
    ),
    Mutant(
        "pooling: gaps between shared crossovers repel too much",
        "value += (self.gap.concentration - 1.0) *",
        "value += self.gap.concentration *",
        ("tests/inference/test_pooled.py::test_shared_values_have_the_prior_of_a_curve_s",),
    ),
    Mutant(
        "loop: what was done before an interruption is not counted",
        "    advance(told)\n    update",
        "    update",
        (
            "tests/trainers/test_loop.py::"
            "test_fresh_data_reach_every_step_once_and_survive_interruptions",
        ),
    ),
    Mutant(
        "store: a state outlives the runs that it led to",
        "            store.clear(index.places)\n",
        "",
        ("tests/trainers/test_sweep.py::test_a_killed_sweep_goes_on_from_the_saved_state",),
    ),
    Mutant(
        "sweep: what another process trains is trained here as well",
        "                return there is None and run.key(job.determinism) not in taken\n",
        "                return there is None\n",
        ("tests/trainers/test_claims.py::test_what_another_process_has_claimed_is_left_to_it",),
    ),
    Mutant(
        "claims: those of killed processes hold for ever",
        "            if lock is not None:  # nobody holds it\n",
        "            if lock is None:\n",
        ("tests/trainers/test_claims.py::test_a_claim_ends_with_its_process",),
    ),
    Mutant(
        "theory: loss of linear units at the start with units and teachers exchanged",
        "start = 1 + settings.init_scale**2 * M / K",
        "start = 1 + settings.init_scale**2 * K / M",
        (
            "tests/trainers/committee/test_theory.py::"
            "test_tail_of_linear_units_is_in_proportion_to_their_first_loss",
        ),
    ),
)


def place_of(text: str) -> Path:
    """Return the file of the sources that holds a text, which stands nowhere else."""
    every = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    found = [path for path in every for _ in range(path.read_text(encoding="utf-8").count(text))]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} places in the sources read\n{text}")
    return found[0].relative_to(ROOT)


def copy(to: Path) -> None:
    """Lay out the package as if installed, compiled code included, with its tests beside it."""
    for name, place in PACKAGES.items():
        shutil.copytree(ROOT / name, to / place)
    shutil.copytree(ROOT / "tests", to / "tests")
    shutil.copy2(ROOT / "pyproject.toml", to)


def tried(tests: Sequence[str], mutant: Mutant | None = None) -> tuple[str, float]:
    """Return how tests end with a fault in the sources, and after how many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        if mutant is not None:
            place = place_of(mutant.old)
            top, *rest = place.parts
            path = Path(folder, PACKAGES[top], *rest)
            path.write_text(path.read_text(encoding="utf-8").replace(mutant.old, mutant.new))
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        began = time.monotonic()
        try:
            done = subprocess.run(
                [*command, "-m", "not slow", *tests],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": folder},
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return "killed, by the time it took", time.monotonic() - began
        if done.returncode not in (0, 1):
            print(done.stdout[-2000:], done.stderr[-2000:])
        ended = {0: "survived", 1: "killed"}.get(done.returncode, "not tried: pytest failed")
        return ended, time.monotonic() - began


def main() -> None:
    parser = campaign.options(__doc__, "mutants.json")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="words in the names of those to try"
    )
    chosen = parser.parse_args()
    campaign.one_thread()
    mutants = [one for one in MUTANTS if any(words in one.name for words in chosen.only)]
    for mutant in mutants:
        place_of(mutant.old)
    sound, _ = tried(sorted({test for mutant in mutants for test in mutant.tests}))
    if sound != "survived":
        raise SystemExit("the tests fail without any fault")
    rows: list[dict[str, Any]] = []
    for mutant in mutants:
        ended, spent = tried(mutant.tests, mutant)
        rows.append(
            {
                **asdict(mutant),
                "file": str(place_of(mutant.old)),
                "ended": ended,
                "seconds": round(spent, 1),
            }
        )
        print(f"{ended:10} {spent:6.1f} s  {mutant.name}", flush=True)
    left = [row["name"] for row in rows if not row["ended"].startswith("killed")]
    result = {
        "question": "does a test notice each of these faults",
        "killed": len(rows) - len(left),
        "survived": left,
        "mutants": rows,
    }
    campaign.keep(result, chosen.out)
    raise SystemExit(1 if left else 0)


if __name__ == "__main__":
    main()
