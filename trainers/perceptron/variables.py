"""Variables of the perceptron's curves, whether simulated or from the theory."""

from scalefit.trainers.protocol import Variable

STATIC = {
    "norm": Variable("norm of the weights over sqrt(N)"),
    "test_error": Variable("exact test classification error"),
    "overlap": Variable("cosine of the angle between student and teacher"),
    "train_loss": Variable("mean logistic loss on the training examples"),
    "train_error": Variable("fraction of training examples on the wrong side"),
    "margin": Variable("smallest stability of a training example"),
}
"""What a student is, however it was trained."""
