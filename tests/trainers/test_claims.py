"""Processes that share a folder leave each other's runs alone, and take over those of dead ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from samples.trainings import config

from scalefit import trainers
from scalefit.trainers import claims
from scalefit.trainers.calls import jobs
from scalefit.trainers.claims import Claims
from scalefit.trainers.store import Store

pytestmark = pytest.mark.train

HOLD = """
import sys
from pathlib import Path
from scalefit.trainers.claims import Claims

claims = Claims(Path(sys.argv[1]))
with claims.turn():
    claim = claims.make(["a", "b"])
claim.tell(0.5)
print("claimed", flush=True)
sys.stdin.readline()
claim.drop()
print("dropped", flush=True)
sys.stdin.readline()
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    """Start a process that claims two runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    return process


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    here = Claims(tmp_path)
    with holding(tmp_path) as process:
        (found,) = here.living()
        assert found.keys == ("a", "b")
        assert str(process.pid) in found.where
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert here.living() == []
    assert [path.name for path in tmp_path.iterdir()] == [claims.TURN]


def test_a_claim_can_be_dropped(tmp_path: Path) -> None:
    here = Claims(tmp_path)
    with holding(tmp_path) as process:
        assert len(here.living()) == 1
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "dropped\n"
        assert here.living() == []
        process.kill()


def test_a_clock_that_is_set_back_frees_nothing(tmp_path: Path) -> None:
    here = Claims(tmp_path)
    claim = here.make(["a"])
    for age in (-1e9, 1e6):
        os.utime(claim.path, (time.time() + age,) * 2)
        assert [one.keys for one in here.living()] == [("a",)]
    claim.drop()
    assert here.living() == []


def test_what_another_process_has_claimed_is_left_to_it(tmp_path: Path, trained: list[str]) -> None:
    from scalefit.trainers import sweep

    store = Store(tmp_path)
    store.open()
    runs = sweep.expand(config(load=1, learning_rate=0.2, seeds=4), 0)
    (job,) = jobs(runs, "cpu", "fast")
    claim = store.claims.make([runs[1].key("fast"), runs[2].key("fast")])
    assert sweep.work(job, store) == []
    assert trained == [runs[0].label, runs[3].label]
    trained.clear()
    sweep.work(job, store)
    assert trained == []  # those that are there are not trained again either
    claim.drop()
    sweep.work(job, store)
    assert trained == [runs[1].label, runs[2].label]


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[str]
) -> None:
    import filelock

    def none(*_: object, **__: object) -> None:
        raise NotImplementedError("no flock")

    monkeypatch.setattr(filelock.FileLock, "acquire", none)
    with pytest.warns(UserWarning, match="no locks there.*shard='1/2'"):
        trainers.run(config(load=1, seeds=1), out=tmp_path)
    assert len(trained) == 2
    with pytest.warns(UserWarning, match="no locks there"):
        trainers.run(config(load=1, seeds=2), out=tmp_path)
    assert len(trained) == 4
