"""Variables of random features' curves, whether simulated or from the theory."""

from scalefit.trainers.protocol import Variable

TEST = Variable("mean squared error on new inputs, label noise left out")
TRAIN = Variable("mean squared residual on the training examples", decides=False)
TIME = Variable("time of gradient flow, learning rate times step")

STATIC = {
    "test_loss": TEST,
    "train_loss": TRAIN,
    "penalty": Variable("ridge in use"),
}
"""Of a minimiser."""
FLOW = {"time": TIME, "test_loss": TEST, "train_loss": TRAIN}
"""Of a flow."""
STEPS = {"step": Variable("step of gradient descent"), **FLOW}
"""Of descent."""
ONE_PASS = {
    "step": Variable("step of SGD"),
    "examples": Variable("examples seen"),
    "time": TIME,
    "test_loss": TEST,
}
"""Of SGD."""
