"""Claims of the theories: they are well formed, their values are the reference's, one is made."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from claims import reproduction as page
from reproduction import claim as claims
from reproduction import every_claim
from reproduction.claim import Claim, Curve

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "reference"
CLAIMS = every_claim.CLAIMS
CITED = [claim for claim in CLAIMS if claim.row]


def rows_of(claim: Claim) -> list[dict[str, str]]:
    assert claim.row is not None
    table, wanted = claim.row
    with (REFERENCE / f"{table}_reference.csv").open() as file:
        return [
            row
            for row in csv.DictReader(file)
            if all(
                row[name].startswith(value) if name == "quantity" else row[name] == value
                for name, value in wanted.items()
            )
        ]


def claimed(row: dict[str, str]) -> float:
    """Return the value for large sizes that a row of a reference names, or its own."""
    words = " ".join((row["note"], row.get("tolerance") or ""))
    for pattern in (r"prediction (-?[\d.]+)", r"beta/\(1\+beta\)=([\d.]+)", r"of ([\d.]+)$"):
        if found := re.findall(pattern, words):
            return abs(float(found[0].rstrip(".")))
    if found := re.findall(r"of (alpha/\(2\+alpha\))", words):
        alpha = float(row["alpha_K"])
        return alpha / (2 + alpha)
    if found := re.findall(r"lam~i\^-([\d.]+), lam w2~i\^-([\d.]+),", row["quantity"]):
        b, a = map(float, found[0])
        return min(a - 1, 2 * b if row["quantity"].startswith("D") else b)
    return abs(float(row["value"]))


def test_every_claim_is_well_formed() -> None:
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
    assert len(CLAIMS) > 60
    for claim in CLAIMS:
        assert claim.status in claims.STATUS, claim.text
        assert math.isfinite(claim.target), claim.text
        assert claim.source, claim.text
        assert len(claim.text) < 90, claim.text
        assert claim.parameter in ("exponent", "amplitude", "plateau"), claim.text
        assert claim.law in ("power", "cutoff"), claim.text
    trained = {claim.family for claim in CLAIMS if not claim.needs}
    assert trained == {
        "perceptron", "committee", "diagonal", "quadratic", "random_features", "manifold",
    }  # fmt: skip


@pytest.mark.parametrize("claim", CITED, ids=lambda claim: claim.text)
def test_targets_are_those_of_the_reference(claim: Claim) -> None:
    rows = rows_of(claim)
    assert len(rows) == 1, claim.row
    row = rows[0]
    assert "unverified" not in row["status"]
    if claim.stated is None:
        assert claim.target == pytest.approx(claimed(row), rel=2e-3), row
    else:
        assert claim.stated == pytest.approx(float(row["value"])), row


def test_constants_of_the_perceptron_are_those_of_its_reference_at_the_largest_load() -> None:
    with (REFERENCE / "perceptron_reference.csv").open() as file:
        errors = {
            row["lambda"]: float(row["eps_theory"])
            for row in csv.DictReader(file)
            if row["alpha"] == "1000"
        }
    by_text = every_claim.BY_TEXT
    hebb = by_text["Hebb's rule, error times sqrt(load)"]
    stable = by_text["maximal stability, error times load"]
    best = by_text["least error times load"]
    assert errors["0"] * math.sqrt(1000) == pytest.approx(hebb.target, rel=1e-3)
    assert errors["inf"] * 1000 == pytest.approx(stable.target, rel=1e-5)
    assert errors["1000"] * 1000 == pytest.approx(best.target, rel=2e-3)
    slope = -math.log(errors["100"] / errors["10"]) / math.log(10)
    window = by_text["gamma_1 at load 1000, norms 8.8 to 88"]
    assert slope == pytest.approx(window.stated, abs=0.02)


def test_a_row_is_made_of_theory_and_of_what_is_simulated() -> None:
    x = np.geomspace(1, 100, 12)
    same = {"family": "perceptron", "source": "x^-0.5", "status": "derived", "target": 0.5}
    shown = next(claim.text for claim in CLAIMS if not claim.why)
    clean = claims.made(Claim(text=shown, curve=lambda: claims.theory(x, x**-0.5), **same))
    assert clean["median"] == pytest.approx(0.5, abs=0.01)
    assert clean["inside"] == (clean["low"] <= clean["window_target"] <= clean["high"])
    assert clean["window_target"] == pytest.approx(0.5, abs=1e-4)
    assert clean["curve"] == "theory, 1% noise"
    steep = Curve(x, x**-0.7 * np.exp(0.01 * np.sin(9 * x)), x**-0.5, 8)
    other = claims.made(Claim(text=shown, curve=lambda: steep, **same))
    assert not other["inside"]
    assert other["curve"] == "simulated"
    assert other["again"] is None
    falling = claims.made(
        Claim(text="c", curve=lambda: claims.theory(x, 3 * x**0.5), parameter="amplitude",
              power=-0.5, **{**same, "target": 3.0})
    )  # fmt: skip
    assert falling["window_target"] == pytest.approx(3.0, rel=1e-3)
    assert falling["low"] <= falling["median"] <= falling["high"]
    result = every_claim.result_of([{**clean, "inside": True}, other], [])
    assert result["shares"]["all"] == [1, 2, 0.5, 0.354]
    assert "inside the window, all: 1 of 2" in every_claim.table(result)
    lines = page.rows(result).splitlines()
    assert lines[2].split(" | ")[-2:] == ["yes", "theory, 1% noise |"]
    assert lines[3].split(" | ")[-2:] == ["**no**: not known", "simulated |"]
    assert page.shares(result)["all"] == "1 of 2, .500 (.354)"


def test_what_is_not_trained_is_told_and_no_row_is_made_of_it() -> None:
    names, missing = every_claim.asked(["deep"], quick=False)
    assert len(names) + len(missing) == 9
    result = every_claim.result_of([], missing)
    assert not result["rows"]
    for claim in missing:
        assert claim.text in page.rows(result)


def test_only_rows_that_are_outside_have_a_reason() -> None:
    path = ROOT / "benchmarks" / "results" / "reproduction.json"
    if not path.exists():
        pytest.skip("not measured")
    kept = {row["claim"]: row for row in json.loads(path.read_text())["rows"]}
    for claim in CLAIMS:
        if claim.why:
            assert not kept[claim.text]["inside"], claim.text
