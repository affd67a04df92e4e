"""Variables of the quadratic network's curves, whether simulated or from the theory."""

from scalefit.trainers.protocol import Variable

SHARED = {
    "excess_risk": Variable("mean squared difference of network and teacher, exact"),
    "train_loss": Variable("mean squared residual on the training examples"),
    "support": Variable("number of eigenvalues that are not zero"),
    "spectrum": Variable("eigenvalues of S = W W^T, the largest first", dims=("rank",)),
    "singular_values": Variable("singular values of W, the largest first", dims=("rank",)),
}
"""What training and theory both tell."""
WEIGHTS = {
    **SHARED,
    "overlap": Variable("cosine of the angle between S and the teacher's matrix"),
    "learned": Variable("S along the teacher's i-th eigenvector", dims=("rank",)),
}
"""What a trained network is."""
PRUNED = {"pruned_risk": Variable("excess risk once the bulk of noise is cut away")}
"""What is recorded where it is asked for."""
