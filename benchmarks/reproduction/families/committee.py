"""Claims on the committee machine: last phase, floors, plateaus, and how one escapes from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from claims.kept import kept
from reproduction.claim import Claim, Curve, between, theory

PLAN = "scaling laws of two-layer networks, arXiv:2410.09005, and its equations of motion"
SAAD = "Saad and Solla (1995), Phys. Rev. E 52, 4225"
BETAS = (0.25, 0.5, 0.75, 1.0, 2.0)
RATE = 0.1


def trained(kind: str, beta: float, *, constant: bool) -> Curve:
    """Return the kept mean loss of SGD, as it is, or with theory's constant added back."""
    from scalefit.trainers.committee import last_phase, linear_units

    rows = kept("committee_exponents")["curves"]
    one = next(row for row in rows if (row["claim"], row["beta"]) == (kind, beta))
    x, y, known = (np.array(one["curve"][name]) for name in ("x", "y", "theory"))
    more = 0.0
    if constant and kind == "linear":
        start = 1 + 0.01**2
        more = linear_units.tail(one["L"], beta, learning_rate=RATE, start=start)
    elif constant:
        more = last_phase.tail(one["L"], beta, 2)
    return Curve(x, y + more, known + more, one["seeds"], True)


def linear(beta: float, *, constant: bool) -> Curve:
    """Return the loss of linear units at small learning rates, 4096 eigenvalues."""
    from scalefit.trainers.committee import linear_units
    from scalefit.trainers.committee.spectrum import eigenvalues, window

    L = 4096
    first, last = window(eigenvalues(L, beta), 1.0)
    x = between(50 * first, 0.02 * last, 30)
    more = linear_units.tail(L, beta) if constant else 0.0
    return theory(x, linear_units.early(L, beta, x, learning_rate=1.0) + more)


def amplified(rate: float, beta: float) -> Curve:
    """Return by how much a learning rate raises the power law's amplitude."""
    from scalefit.trainers.committee import linear_units
    from scalefit.trainers.committee.spectrum import eigenvalues, window

    spectrum = eigenvalues(1024, beta)
    first, last = window(spectrum, rate)
    x = between(1e3 * first, 0.02 * last)
    with_steps = linear_units.loss(spectrum, x, learning_rate=rate)
    return theory(x, with_steps / linear_units.early(1024, beta, x, learning_rate=rate))


def floors(beta: float) -> Curve:
    """Return the floor over the number of trained directions, its constant added back."""
    from scalefit.trainers.committee import linear_units
    from scalefit.trainers.committee.spectrum import eigenvalues

    L = 4096
    spectrum = eigenvalues(L, beta)
    x = np.unique(between(128, 1024, 16).round())
    floor = [linear_units.floor(spectrum, learning_rate=1e-6, share=n / L) for n in x]
    return theory(x, np.array(floor) + linear_units.tail(L, beta))


def specialised(K: int, beta: float, L: int, low: float, high: float) -> Curve:
    """Return the loss after specialisation with its constant added back, by equations of motion."""
    from scalefit.trainers.committee import last_phase
    from scalefit.trainers.committee import theory as known
    from scalefit.trainers.committee.spectrum import eigenvalues, window

    spectrum = eigenvalues(L, beta)
    _, last = window(spectrum, RATE * last_phase.slowest(K))
    x = between(low * last, high * last, 24)
    start = 1e-4 * np.eye(K), 1e-3 * (np.eye(K) - 1 / K), np.eye(K)
    path = known.flow(spectrum, *start, x, learning_rate=RATE)
    return theory(x, path.test_loss + last_phase.tail(L, beta, K))


def plateau(K: int, rate: float) -> Curve:
    """Return the loss up to and beyond the plateau, isotropic inputs, by equations of motion."""
    from scalefit.trainers.committee import theory as known

    speed = known.escape_rate(np.ones(1), K, K, rate)
    x = between(1.0, 11.5 / speed, 40)
    start = 1e-4 * np.eye(K), 1e-4 * (np.eye(K) - 1 / K), np.eye(K)
    path = known.flow(np.ones(1), *start, x, learning_rate=rate)
    return Curve(x, path.test_loss, None, 0)


def escape(along: str) -> Curve:
    """Return the rate of escape over the number of units, or over the mean square eigenvalue."""
    from scalefit.trainers.committee import theory as known
    from scalefit.trainers.committee.spectrum import eigenvalues, second_moment

    small = 1e-4
    if along == "K":
        units = [4, 6, 8, 12, 16, 24, 32, 48, 64]
        return theory(units, [known.escape_rate(np.ones(1), K, K, small) for K in units])
    spectra = [eigenvalues(L, 1.0) for L in range(1, 9)]
    rates = [known.escape_rate(spectrum, 2, 2, small) for spectrum in spectra]
    return theory([second_moment(spectrum) for spectrum in spectra], rates)


def fixed_point(K: int) -> float:
    """Return the loss of the symmetric fixed point at small steps, Saad and Solla's."""
    return (math.pi / 6 - K * math.asin(1 / (2 * K))) / math.pi


HEIGHTS = {(2, 0.1): 5.921e-3, (2, 0.5): 6.454e-3, (2, 1.0): 7.339e-3}


def claim(text: str, target: float, curve: Callable[[], Curve], source: str = PLAN,
          status: str = "verified", **more: Any) -> Claim:  # fmt: skip
    return Claim(text=text, family="committee", target=target, curve=curve, source=source,
                 status=status, **more)  # fmt: skip


SLOPE = "log-log slope of eps_g + eps_tail"


def stated(name: str, quantity: str = SLOPE) -> tuple[str, dict[str, str]]:
    """Return where the reference states a slope."""
    return "two_layer", {"id": name, "quantity": quantity}


WHY = {
    ("linear", 0.75): "beyond the end of the interval by .00002, of a width of .0018",
    ("specialised", 1.0): "beyond the end of the interval by .0001, of a width of .045",
}
"""Why trained machines are outside theory's window, where they are."""
LINEAR = [
    one
    for beta in BETAS
    for one in (
        claim(f"linear units, SGD, beta {beta:g}, cutoff and constant fitted", beta / (1 + beta),
              partial(trained, "linear", beta, constant=False), law="cutoff"),
        claim(f"linear units, SGD, beta {beta:g}, constant added back", beta / (1 + beta),
              partial(trained, "linear", beta, constant=True), why=WHY.get(("linear", beta), "")),
        claim(f"linear units, small steps, beta {beta:g}, constant added back", beta / (1 + beta),
              partial(linear, beta, constant=True), row=stated(f"LINEXP-b{beta:g}")),
    )
]  # fmt: skip
ERF = [
    one
    for beta in (0.5, 1.0, 2.0)
    for one in (
        claim(f"erf units, SGD, specialised, beta {beta:g}, cutoff and constant fitted",
              beta / (1 + beta), partial(trained, "specialised", beta, constant=False),
              law="cutoff", why=WHY.get(("specialised", beta), "")),
        claim(f"erf units, SGD, specialised, beta {beta:g}, constant added back",
              beta / (1 + beta), partial(trained, "specialised", beta, constant=True)),
    )
]  # fmt: skip
CLAIMS = [
    *LINEAR,
    claim("linear units, small steps, beta 0.5, loss as it is", 1 / 3,
          partial(linear, 0.5, constant=False), stated=0.392894629,
          row=stated("LINEXP-b0.5", "log-log slope of eps_g alone (biased upwards)")),
    *[claim(f"linear units, amplitude at learning rate {rate:g} over that at 0", 1 / (1 - rate / 2),
            partial(amplified, rate, 1.0), parameter="amplitude", stated=told)
      for rate, told in ((0.5, 1.3332), (1.0, 1.9976))],
    *[claim(f"linear units, floor over trained directions, beta {beta:g}", beta,
            partial(floors, beta)) for beta in (0.5, 1.0, 2.0)],
    *ERF,
    claim("erf units, K = 2, beta 1, 1024 eigenvalues, constant added back", 0.5,
          partial(specialised, 2, 1.0, 1024, 1e-4, 1e-2), row=stated("SPEC-K2b1"), slow=True),
    claim("erf units, K = 2, beta 0.5, 4096 eigenvalues, constant added back", 1 / 3,
          partial(specialised, 2, 0.5, 4096, 1e-4, 1e-2), row=stated("SPEC-K2b05"), slow=True),
    claim("erf units, K = 2, beta 2, 128 eigenvalues, constant added back", 2 / 3,
          partial(specialised, 2, 2.0, 128, 3e-4, 3e-3), stated=0.6675, slow=True),
    claim("erf units, K = 10, beta 1, 512 eigenvalues, constant added back", 0.5,
          partial(specialised, 10, 1.0, 512, 1e-3, 1e-2), row=stated("SPEC-K10"), slow=True),
    *[claim(f"height of the plateau, K = {K}, learning rate {rate:g}", told,
            partial(plateau, K, rate), parameter="plateau", source=SAAD,
            slow=(K, rate) != (2, 0.5))
      for (K, rate), told in HEIGHTS.items()],
    *[claim(f"height of the plateau, K = {K}, small steps", fixed_point(K),
            partial(plateau, K, 1e-3), parameter="plateau", source=SAAD, slow=True,
            why="the law's crossover decays as a power, the approach to a plateau exponentially: "
            "the height is 1% high")
      for K in (3, 5)],
    claim("rate of escape in the number of units, K = 4 to 64", 2.0, partial(escape, "K"), SAAD),
    claim("rate of escape in the mean square eigenvalue, K = 2", 1.0, partial(escape, "T2"),
          rising=True),
]  # fmt: skip
