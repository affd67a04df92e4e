from __future__ import annotations

import subprocess
import sys

import pytest

from scalefit import trainers
from scalefit.errors import ConfigError


def test_families_are_described() -> None:
    known = [
        "perceptron",
        "committee",
        "diagonal",
        "quadratic",
        "random_features",
        "manifold",
        "deep",
        "sequence",
    ]
    assert list(trainers.families()) == known


def test_neither_import_nor_theory_loads_torch_or_pymc() -> None:
    program = (
        "import sys; from scalefit import trainers; before = set(sys.modules); "
        "trainers.theory(trainers.config('perceptron', norm=1)); "
        "assert not {'torch', 'pymc', 'arviz', 'scalefit.fitting'} & set(sys.modules); "
        "assert 'scipy.optimize' not in before"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_folder_refuses_to_be_imported_under_its_own_name() -> None:
    program = f"import runpy; runpy.run_path({trainers.__file__!r}, run_name='trainers')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "scalefit.trainers" in done.stderr.splitlines()[-1]


def test_unknown_family_and_foreign_arguments_are_refused() -> None:
    config = trainers.config("perceptron")
    with pytest.raises(ConfigError, match="did you mean 'perceptron'"):
        trainers.config("perceptrn")
    with pytest.raises(ConfigError, match="'config' is a dict"):
        trainers.theory({"load": 2})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'seed' is -1"):
        trainers.run(config, seed=-1)
    with pytest.raises(ConfigError, match="'determinism' is 'exat'; did you mean 'exact'"):
        trainers.run(config, determinism="exat")
