"""Settings of the teacher-student perceptron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import Settings, choice, number, switch, whole

# Ten values a decade, rounded so that the canonical JSON stays readable.
_NORM_GRID = tuple(float(f"{10 ** (k / 10):.4g}") for k in range(-10, 21))

_ONLINE = ("hebb", "rosenblatt", "relative_stability", "adatron")
_DYNAMICS = ("gradient_descent", *_ONLINE)


@dataclass(frozen=True, kw_only=True)
class Perceptron(Settings):
    """Settings of the teacher-student perceptron with logistic loss.

    Attributes
    ----------
    load : > 0, at least one example
        Training examples per input dimension; `load * N` is rounded to whole examples.
    N : >= 2
        Input dimension. The theory holds for N to infinity.
    protocol
        `"gradient_descent"`: full batch, from zero weights. `"fixed_norm"`: the minimiser of the
        loss at every `norm`. One example at a time, over and over, from zero weights: `"hebb"`,
        every example adds the same; `"rosenblatt"`, mistakes only; `"relative_stability"`, examples
        whose stability is below a threshold; `"adatron"`, which tends to maximal stability.
    inputs
        Law of the inputs' entries: `"gaussian"`, or `"rademacher"`, which are 1 or -1.
    shared_inputs
        Runs of equal `load` and `N` draw the same inputs, and differ in their teachers alone. All
        of them then train by one matrix product a step, many times faster; but averages over such
        runs are not averages over data sets.
    norm : increasing, > 0, no unit
        Norms of `"fixed_norm"` and of the theory, the same for every run; a norm multiplies twice
        the stability in the logistic. The simulation has converged up to 1e4.
    learning_rate : in units of time, > 0; < 2 for `"adatron"`
        A step of gradient descent on the mean loss has size `learning_rate * N` and counts as
        this much time; N single examples make up a time of `learning_rate`. At zero weights
        descent is stable below `2 / (1 + 1 / sqrt(load))**2` (0.5
        at a load of 1, 0.96 at 5), and the path is that of the gradient flow well below it. Larger
        rates do not diverge, because the curvature falls as the norm grows: the first steps
        overshoot in norm, and what follows is another path to the same end.
    step_rule
        Of gradient descent. `"constant"`: every step is `learning_rate`. `"norm"`: it is
        `learning_rate * (1 + norm)`. The norm grows like the cube root of time, so that constant
        steps need a number that grows with the cube of the elbow's norm, some million at a load of
        100; but the curvature falls like 1 over the norm, and steps that grow with it stay as far
        from instability as the first one, follow the same path, and need the square only.
    stability : > 0, < 1
        Threshold of `"relative_stability"`, over the largest stability that theory finds.
    steps : >= 1
        Number of steps of gradient descent, or of examples seen one at a time.
    points : >= 2
        Largest number of checkpoints, log-spaced from the first step to the last; fewer where
        rounding to whole steps makes neighbours equal.
    """

    family: ClassVar[str] = "perceptron"
    description: ClassVar[str] = (
        "teacher-student perceptron: logistic loss by gradient descent and at fixed norm, with "
        "the theory of the latter, and classical rules"
    )
    always: ClassVar[tuple[str, ...]] = ("load",)

    protocol: str = choice("gradient_descent", "fixed_norm", *_ONLINE)
    load: float = number(5.0, unit="examples per input dimension", low=0, above=True)
    N: int = whole(200, low=2)
    inputs: str = choice("gaussian", "rademacher")
    shared_inputs: bool = switch(False)
    norm: tuple[float, ...] = number(_NORM_GRID, low=0, above=True, grid=True, only=("fixed_norm",))
    learning_rate: float = number(0.5, unit="time", low=0, above=True, only=_DYNAMICS)
    step_rule: str = choice("constant", "norm", only=("gradient_descent",))
    stability: float = number(0.9, low=0, high=0.999, above=True, only=("relative_stability",))
    steps: int = whole(2000, low=1, only=_DYNAMICS)
    points: int = whole(50, low=2, only=_DYNAMICS)

    def check(self) -> None:
        """Raise ConfigError where a run would have no example, or Adatron not settle."""
        if self.load * self.N < 1 - 1e-9:  # 1/49 of 49 is a little less than 1
            raise ConfigError(
                f"setting 'load' is {self.load:g}: with N={self.N} that is "
                f"{self.load * self.N:.2g} examples, and a run needs at least 1; take load >= "
                f"{1 / self.N:.3g} or a larger N"
            )
        if self.protocol == "adatron" and self.learning_rate >= 2:
            raise ConfigError(
                f"setting 'learning_rate' is {self.learning_rate:g}: adatron settles below 2 only"
            )

    @property
    def n_train(self) -> int:
        """Return the number of training examples."""
        return max(round(self.load * self.N), 1)

    def derived(self) -> dict[str, float]:
        """Return the number of training examples as a run coordinate."""
        return {"n_train": self.n_train}
