"""Settings of the committee machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from scalefit.errors import ConfigError
from scalefit.trainers.settings import Settings, choice, number, whole

RANGE = 100
"""Decades between the largest eigenvalue and the smallest, beyond which squares underflow."""


@dataclass(frozen=True, kw_only=True)
class Committee(Settings):
    """Settings of a two-layer student that learns from a two-layer teacher, each example once.

    Attributes
    ----------
    protocol
        `"sgd"`: the weights. `"order_parameters"`: their overlaps alone, drawn as the same exact
        Markov chain at a cost that does not depend on `N`; for `L=1` and `batch=1`.
    activation
        `"erf"`, g(x) = erf(x / sqrt(2)), or `"linear"`.
    N : >= 2
        Input dimension. The theory holds for N to infinity at a fixed number of eigenvalues.
    K, M : >= 1
        Hidden units of student and teacher. Outputs are the sums over units times sqrt(M) / K and
        1 / sqrt(M), and are not trained.
    L : divides N
        Number of different eigenvalues of the inputs' covariance, each N / L times; 1 for
        isotropic inputs. The l-th is proportional to l^-(1 + beta), and their mean is 1.
    beta : > 0
        Decay of the spectrum.
    learning_rate : > 0
        Not divided by N.
    init_scale : > 0
        Standard deviation of the student's first weights.
    teacher
        `"orthonormal"`: the teacher's units are orthogonal, of length sqrt(N / L), within every
        eigenspace, which needs N / L >= M. `"gaussian"`: entries are independent and standard
        normal.
    batch : >= 1
        Examples per step, whose gradients are added up.
    trainable : <= N
        Leading directions of the input that the student sees and trains; 0 for all.
    duration : time > 0
        Length of the run in examples / N.
    points : >= 2
        Largest number of checkpoints, log-spaced from the first step to the last; fewer where
        rounding to whole steps makes neighbours equal.
    """

    family: ClassVar[str] = "committee"
    description: ClassVar[str] = (
        "two-layer committee machine: one-pass SGD with power-law inputs, its plateaus and "
        "crossovers, and the equations of its order parameters"
    )
    always: ClassVar[tuple[str, ...]] = ("activation", "L")

    protocol: str = choice("sgd", "order_parameters")
    activation: str = choice("erf", "linear")
    N: int = whole(512, low=2)
    K: int = whole(2, low=1)
    M: int = whole(2, low=1)
    L: int = whole(1, low=1)
    beta: float = number(1.0, low=0, above=True)
    learning_rate: float = number(0.1, low=0, above=True)
    init_scale: float = number(0.01, low=0, above=True)
    teacher: str = choice("orthonormal", "gaussian")
    batch: int = whole(1, low=1)
    trainable: int = whole(0, low=0)
    duration: float = number(1000.0, unit="examples / N", low=0, above=True)
    points: int = whole(80, low=2)

    def check(self) -> None:
        """Raise ConfigError where a spectrum, a teacher or a protocol does not fit the rest."""
        if self.N % self.L:
            raise ConfigError(
                f"setting 'L' is {self.L}: it must divide N={self.N}, because every eigenvalue "
                f"has N / L directions; take N={-(-self.N // self.L) * self.L}, or another L"
            )
        if self.teacher == "orthonormal" and self.N < self.L * self.M:
            raise ConfigError(
                f"setting 'teacher' is orthonormal: {self.M} orthogonal units need N / L >= "
                f"{self.M} directions in every eigenspace, and there are {self.N // self.L}; take "
                "teacher='gaussian', a larger N or a smaller L"
            )
        if self.trainable > self.N:
            raise ConfigError(
                f"setting 'trainable' is {self.trainable}: there are N={self.N} directions; give "
                f"at most {self.N}, or 0 for all"
            )
        if self.protocol == "order_parameters" and (self.L, self.batch, self.trainable) != (
            1,
            1,
            0,
        ):
            raise ConfigError(
                "setting 'protocol' is order_parameters, which holds for isotropic inputs, one "
                f"example a step and all directions: L=1, batch=1, trainable=0, not L={self.L}, "
                f"batch={self.batch}, trainable={self.trainable}; take protocol='sgd'"
            )
        if self.protocol == "order_parameters" and self.N <= self.K + self.M:
            raise ConfigError(
                f"setting 'N' is {self.N}: order_parameters needs more dimensions than the "
                f"{self.K + self.M} units of student and teacher; take N > {self.K + self.M}, or "
                "protocol='sgd'"
            )
        if (1 + self.beta) * math.log10(self.L) > RANGE:
            raise ConfigError(
                f"setting 'beta' is {self.beta:g}: with L={self.L} the eigenvalues span more than "
                f"{RANGE} decades; take beta <= {RANGE / math.log10(self.L) - 1:.3g}"
            )
        if self.duration * self.N < self.batch * (1 - 1e-9):
            raise ConfigError(
                f"setting 'duration' is {self.duration:g}: with N={self.N} that is "
                f"{self.duration * self.N:.3g} examples, less than one step of {self.batch}; take "
                f"duration >= {self.batch / self.N:.3g}"
            )

    @property
    def steps(self) -> int:
        """Return the number of steps of the run."""
        return max(round(self.duration * self.N / self.batch), 1)

    def cautions(self) -> list[str]:
        """Return warnings of large steps, and of learning rates above the critical one."""
        from . import last_phase, linear_units
        from .spectrum import eigenvalues

        spectrum, rate = eigenvalues(self.L, self.beta), self.learning_rate
        found = []
        step = rate * self.batch * spectrum[0] / self.N
        if step > 0.5:
            found.append(
                f"learning_rate={rate:g} with batch={self.batch} makes steps of {step:.2g} in the "
                "leading direction (learning_rate * batch * lambda_1 / N), and theory leaves out "
                "terms of this size: keep it well below 0.5"
            )
        if self.activation == "linear" and not self.trainable:
            one = linear_units.critical_rate(spectrum, self.N, batch=self.batch)
            critical = one * self.K / self.M
            if rate > critical:
                found.append(
                    f"learning_rate={rate:g} is above {critical:.3g}: the mean test loss grows "
                    "without end"
                )
        if self.activation == "erf" and self.K == self.M and self.teacher == "orthonormal":
            critical = last_phase.critical_rate(self.K)
            if rate > critical:
                found.append(
                    f"learning_rate={rate:g} is above {critical:.3g}: the student does not settle "
                    "at the teacher"
                )
        return found
