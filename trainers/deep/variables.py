"""Variables of a network's training."""

from __future__ import annotations

from scalefit.trainers.protocol import Variable

MARGINS = (0.0, 0.01, 0.05, 0.25, 0.5)
"""Quantiles of the margins that are recorded."""
NORMS = {
    "bartlett": "Bartlett's spectral complexity",
    "cnn_variant": "spectral complexity with the columns of all later layers",
    "classifier": "largest singular value of the last layer times its columns' lengths",
    "spectral_product": "product of the layers' largest singular values",
    "frobenius": "Frobenius norm of all weight matrices",
    "l1": "sum of the sizes of all weights",
}
DEFAULT = "bartlett"
"""Which of them is `norm`, without further name."""


def name_of(norm: str, kind: str = "") -> str:
    """Return the variable of a norm, its `growth`, or its form `from_init`."""
    return "_".join(filter(None, ("norm", "" if norm == DEFAULT else norm, kind)))


def _norms() -> dict[str, Variable]:
    found = {}
    for norm, text in NORMS.items():
        found[name_of(norm)] = Variable(f"norm: {text}", decides=False)
        found[name_of(norm, "growth")] = Variable(f"{text}, less that at the start", decides=False)
        if norm != "spectral_product":
            away = Variable(f"{text}, of the weights less the initial ones", decides=False)
            found[name_of(norm, "from_init")] = away
    return found


INTERPOLATED = (
    "step",
    *map(name_of, NORMS),
    name_of(DEFAULT, "growth"),
    name_of(DEFAULT, "from_init"),
)
"""What is told of the checkpoint at which training images are first all right."""
_LAYER = ("layer",)
LAYERS = {
    "layer_spectral": Variable("largest singular value of a layer", "", _LAYER, False),
    "layer_rows": Variable("sum of the lengths of a layer's rows", "", _LAYER, False),
    "layer_columns": Variable("sum of the lengths of a layer's columns", "", _LAYER, False),
    "layer_squares": Variable("sum of a layer's squared weights", "", _LAYER, False),
    "layer_sizes": Variable("sum of the sizes of a layer's weights", "", _LAYER, False),
    "layer_rows_from_init": Variable("the same of rows, less initial weights", "", _LAYER, False),
    "layer_columns_from_init": Variable("the same of columns, likewise", "", _LAYER, False),
}
WEIGHTS = {**_norms(), **LAYERS}
"""What is recorded of the weights of any network."""
SPECTRA = {
    "layer_spectrum": Variable(
        "singular values of a layer, the largest first", "", ("layer", "rank"), False
    )
}
"""What is recorded beside, where it is asked for."""
VARIABLES = {
    "step": Variable("step of the optimizer"),
    "epoch": Variable("passes over the training images"),
    "examples": Variable("examples seen"),
    "train_error": Variable("share of training images that are misclassified"),
    "train_loss": Variable("mean cross-entropy on training images", "nats"),
    "test_error": Variable("share of test images that are misclassified"),
    "test_loss": Variable("mean cross-entropy on test images", "nats"),
    "margin": Variable("quantiles of the margins of training images", "", ("quantile",), False),
    **WEIGHTS,
}
