"""Variables of the diagonal network's curves, whether simulated or from the theory."""

from scalefit.trainers.protocol import Variable

SHARED = {
    "excess_risk": Variable("mean squared difference of network and teacher, exact"),
    "train_loss": Variable("mean squared residual on the training examples"),
    "support": Variable("number of weights that are not zero"),
    "spectrum": Variable("sizes of the weights a w / sqrt(d), the largest first", dims=("rank",)),
}
"""What training and theory both tell."""
WEIGHTS = {
    **SHARED,
    "overlap": Variable("cosine of the angle between the weights and the teacher's"),
    "learned": Variable("i-th weight, times the sign of the teacher's", dims=("rank",)),
}
"""What a trained network is."""
