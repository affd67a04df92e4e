"""Published exponents of deep networks, and how a campaign differs from what they came from.

Source
------
D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230), its release of December 2025: exponents with the
errors that it quotes, and the least error of the seed-mean curve at the fewest and most images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NORM = {"cnn": "norm_cnn_variant", "resnet": "norm_classifier", "vit": "norm"}
"""What its code takes for the norm of each architecture."""
NAMES = ("gamma_1", "gamma_2", "product", "measured")
EXPONENTS: dict[str, tuple[tuple[float, float], ...]] = {
    "cnn_mnist": ((0.5907, 0.0632), (1.0112, 0.1138), (0.597, 0.093), (0.545, 0.013)),
    "cnn_cifar10": ((0.2097, 0.0114), (1.3208, 0.3226), (0.277, 0.069), (0.245, 0.004)),
    "cnn_cifar100": ((0.1121, 0.0027), (1.4448, 0.2243), (0.162, 0.025), (0.164, 0.007)),
    "resnet_mnist": ((1.1518, 0.1422), (0.4951, 0.0236), (0.570, 0.075), (0.687, 0.032)),
    "resnet_cifar10": ((0.5314, 0.0273), (1.0130, 0.0423), (0.538, 0.036), (0.564, 0.006)),
    "resnet_cifar100": ((0.3051, 0.0123), (1.0321, 0.0647), (0.315, 0.023), (0.366, 0.017)),
    "vit_mnist": ((0.1387, 0.0057), (3.4113, 0.1069), (0.473, 0.024), (0.538, 0.019)),
    "vit_cifar10": ((0.0124, 0.0002), (18.39, 2.07), (0.229, 0.026), (0.209, 0.011)),
    "vit_cifar100": ((0.0068, 0.0004), (21.00, 6.28), (0.143, 0.044), (0.117, 0.008)),
}
"""gamma_1, gamma_2, their product, and gamma measured, each with its error."""
LEAST = {
    "cnn_mnist": (0.1343, 0.0090), "cnn_cifar10": (0.477, 0.262), "cnn_cifar100": (0.843, 0.569),
    "resnet_mnist": (0.4915, 0.0062), "resnet_cifar10": (0.2452, 0.0790),
    "resnet_cifar100": (0.715, 0.347), "vit_mnist": (0.1601, 0.0076),
    "vit_cifar10": (0.607, 0.394), "vit_cifar100": (0.863, 0.667),
}  # fmt: skip


def pair_of(protocol: str, images: str) -> str:
    """Return the published pair of network and images; empty where there is none."""
    return name if (name := f"{protocol}_{images}") in EXPONENTS else ""


def published(pair: str) -> dict[str, Any]:
    """Return what is published of a pair."""
    values = {name: list(one) for name, one in zip(NAMES, EXPONENTS[pair], strict=True)}
    return {"norm": NORM[pair.partition("_")[0]], **values, "least_error": list(LEAST[pair])}


def differences(campaign: str, pair: str) -> list[str]:
    """Return every setting in which a campaign differs from the published one, in words."""
    from scalefit.trainers.config import read
    from scalefit.trainers.deep.settings import Deep

    ours, theirs = read(HERE / f"{campaign}.toml"), read(HERE / "published" / f"{pair}.toml")
    found = []
    for name in sorted({*ours, *theirs}):
        default = getattr(Deep, name, "not given")
        here, there = (one.get(name, default) for one in (ours, theirs))
        if here != there:
            found.append(f"{name} {_shown(here)}, published {_shown(there)}")
    return found


def _shown(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return f"{value[0]} to {value[-1]} ({len(value)})"
