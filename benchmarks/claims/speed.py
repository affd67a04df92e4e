"""Claims on speed, and on damaged files."""

from __future__ import annotations

from typing import Any

from claims.kept import Claim, claims, kept, least, share


def speed() -> str:
    """Return claims on time and memory."""
    engine, batch = kept("speed_engine"), kept("speed_batch")
    times, script, name = engine["cpu_s"], "speed/engine.py", "speed_engine"

    def seconds(one: dict[str, float]) -> str:
        return f"{one['median']:.2g} [{one['10%']:.2g}, {one['90%']:.2g}]"

    fresh, filled = times["fresh process, empty cache"], times["fresh process, filled cache"]
    nuts = times["pymc.sample: 1 crossover, floor"]
    rows = [
        Claim(
            "one model with a floor, 0 to 3 crossovers, 60 points: median [10%, 90%]",
            ", ".join(seconds(times[f"one model: {n} crossovers, floor"]) for n in range(4)),
            script,
            name,
        ),
        Claim("all eight models; with both noises", ", ".join(
            seconds(times[key]) for key in ("eight models", "sixteen models")
        ), script, name),
        Claim("all eight models, 500 points", seconds(times["eight models, 500 points"]),
              script, name),
        Claim("the preview, one model with a floor, 0 to 3 crossovers", ", ".join(
            seconds(times[f"point: {n} crossovers, floor"]) for n in range(4)
        ), script, name),
        Claim(
            "first fit of a fresh process, compiling; with the machine code kept",
            f"{fresh['first_fit_s']['median']:.1f}; {filled['first_fit_s']['median']:.2f}",
            script,
            name,
        ),
        Claim(
            "`pymc.sample` over the engine's time, one crossover and a floor, 3 curves",
            f"{nuts['over_engine']['median']:.0f} times; R-hat "
            + ", ".join(f"{one:.2f}" for one in nuts["worst_rhat"]),
            script,
            name,
        ),
    ]  # fmt: skip
    for row in batch["rows"]:
        if row["curves"] == 1000:
            method = "default" if row["method"] == "auto" else "preview"
            rows.append(
                Claim(
                    f"1,000 curves on two workers, {method}: CPU s a curve, MiB at peak, verdicts "
                    "ok",
                    f"{row['cpu_s'] / 1000:.2f}; {row['peak_mib']:.0f}; {share(row['ok'])}",
                    "speed/batch.py",
                    "speed_batch",
                )
            )
    many, shared = kept("speed_many")["rows"], kept("trainers_speed")
    rows += [
        Claim(
            "`scalefit fit --out` on 1,000 curves of 5 points by the preview, over the CPU time of "
            "its fits; MB of fit.nc and report.html",
            f"{many[0]['cpu_s'] / many[0]['fits_cpu_s']:.2f}; {many[0]['mb']['fit']:.0f}, "
            f"{many[0]['mb']['report.html']:.1f}",
            "speed/many.py",
            "speed_many",
        ),
        Claim(
            "MiB at peak: the same; 10,000 curves, one model, in parts; the first "
            f"{_parts(many[2])} of 100,000",
            ", ".join(str(row["peak_mib"]) for row in many),
            "speed/many.py",
            "speed_many",
        ),
    ]
    plain = shared["against_plain_loop"]
    rows += [
        Claim(
            "32 perceptrons over a plain loop, N = "
            + ", ".join(str(one["N"]) for one in plain)
            + ": own data; shared inputs",
            ", ".join(f"{least(one['own_data']):.1f}" for one in plain)
            + " times as fast; "
            + ", ".join(f"{least(one['shared_data']):.1f}" for one in plain),
            "speed/trainers.py",
            "trainers_speed",
        ),
        Claim(
            "share of the time that measuring and saving take; share that two workers are busy",
            f"{share(shared['recording_and_saving']['share'])}; {share(shared['sweep']['busy'])}",
            "speed/trainers.py",
            "trainers_speed",
        ),
    ]
    committee = kept("committee_speed")["times_faster_than_plain"]
    rows += [
        Claim(
            "committee machine over a plain loop, N = 500: 32 runs, one run; overlaps alone, 64 "
            "runs",
            f"{least(committee['sgd']):.0f}, {least(committee['sgd_one_run']):.0f}; "
            f"{least(committee['order_parameters']):.0f} times as fast",
            "speed/committee.py",
            "committee_speed",
        ),
        Claim(
            "perceptron theory on a grid of 100 loads and 100 norms, CPU s",
            f"{kept('perceptron_theory')['grid_cpu_seconds']:.1f}",
            "speed/perceptron_theory.py",
            "perceptron_theory",
        ),
        *random_features(),
        *sweeps(),
    ]
    return claims(rows)


def random_features() -> list[Claim]:
    """Return claims on grids of random features."""
    script, name = "speed/random_features.py", "random_features_speed"
    found = kept(name)
    cells = {key: one for key, one in found.items() if isinstance(one, dict) and "ratio" in one}
    return [
        Claim(
            "random features over a loop of `numpy.linalg.lstsq`, file handling included: "
            + "; ".join(cells),
            "; ".join(f"{least(one['ratio']):.1f}" for one in cells.values()) + " times as fast",
            script,
            name,
        ),
        Claim(
            "their theory on a grid of 100 x 100 sizes at 1e6 modes, CPU s",
            f"{max(found['theory_grid_s']):.2f}",
            script,
            name,
        ),
    ]


def sweeps() -> list[Claim]:
    """Return claims on what a folder costs, and on what several processes gain."""
    found = kept("sweeps")
    beyond = [one["seconds"] - one["physics_seconds"] for one in found["grid"]]
    over = found["wall_time_over_one"]
    again = sum(one["trained_twice"] for rows in found["sharing"].values() for one in rows)
    return [
        Claim(
            f"{found['grid'][0]['runs']:,} runs of one number each, beyond their training; a "
            f"folder of {found['reopening']['runs']:,} runs opened again: s",
            f"{', '.join(f'{one:.1f}' for one in sorted(beyond))}; "
            f"{found['reopening']['seconds']:.1f}",
            "speed/sweeps.py",
            "sweeps",
        ),
        Claim(
            "processes that share a folder, two cores: wall time over that of one, with two, "
            "three, three of which one is killed; two of which one is killed early; runs trained "
            "twice",
            "; ".join(
                ", ".join(share(one, 2) for one in sorted(over[name]))
                for name in ("two", "three", "three, one killed", "two, one killed")
            )
            + f"; {again}",
            "speed/sweeps.py",
            "sweeps",
        ),
    ]


def _parts(row: dict[str, Any]) -> str:
    """Return of how many curves parts were written."""
    return f"{250 * row['parts']:,}"


def robustness() -> str:
    """Return claims on damaged files, and on what tests notice."""
    found, mutants, tried = kept("fuzz_readers"), kept("mutants"), kept("fuzz")
    bits = kept("fuzz_bits")
    return claims(
        [
            Claim(
                "damaged files of eleven kinds end in a trajectory or a refusal: files, failures, "
                "slowest s",
                f"{sum(found['files'].values()):,}, {len(found['failures'])}, "
                f"{found['slowest_s']:.2f}",
                "robustness/fuzz_readers.py",
                "fuzz_readers",
            ),
            Claim(
                "files, stored fits, options and single bits that are damaged or random end in "
                "exits 0, 2, 3, 4 or 5: cases, failures, slowest CPU s",
                f"{sum(tried['cases'].values()):,}, {len(tried['failures'])}, "
                f"{max(tried['slowest_cpu_s'].values()):.1f}",
                "robustness/fuzz.py",
                "fuzz",
            ),
            Claim(
                "bits of a stored trajectory of 11 kB flipped one at a time: how many, failures",
                f"{sum(bits['cases'].values()):,} of {bits['bits of the trajectory']:,}, "
                f"{len(bits['failures'])}",
                "robustness/fuzz.py",
                "fuzz_bits",
            ),
            Claim(
                "faults put into the sources one at a time: noticed by a test, of",
                f"{mutants['killed']}, {len(mutants['mutants'])}",
                "mutants.py",
                "mutants",
            ),
            Claim(
                "fits, sweeps, theories and commands whose numbers are kept as fingerprints, to be "
                "compared with after a change of the sources",
                f"{len(kept('unchanged')['digests'])}",
                "unchanged/digests.py",
                "unchanged",
            ),
        ]
    )
