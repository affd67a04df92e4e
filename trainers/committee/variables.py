"""Variables of the committee machine's curves, whether simulated or from the theory."""

from scalefit.trainers.protocol import Variable

VARIABLES = {
    "time": Variable("examples seen over N"),
    "test_loss": Variable("exact generalisation error: half the mean squared error"),
    "Q": Variable("overlaps of the student's units", dims=("unit", "other_unit")),
    "R": Variable("overlaps of student and teacher units", dims=("unit", "teacher_unit")),
}
