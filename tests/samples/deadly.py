"""What kills the process that does it; in a module of its own, which workers can import."""

from __future__ import annotations

import os
import signal
from typing import Any

from scalefit.fitting.jobs import Job, Outcome, solve


def kill(*_: Any) -> None:
    """Die at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def fit_all_but_m1(job: Job) -> Outcome:
    """Die of one curve, and fit every other one."""
    if job.label == "m1":
        kill()
    return solve(job)
