# `make demo` and `make test` are all a newcomer needs; each sets everything up first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
TUTORIALS := scalefit/io/fit_a_csv scalefit/comparison/two_optimizers \
	scalefit/forecast/running_job scalefit/planning/what_to_run_next \
	trainers/theory_to_exponent scalefit/tails/spectra

export OMP_NUM_THREADS ?= 1

.PHONY: help setup demo test slow check notebooks format clean

help:
	@echo "make demo    curves, a collapse and L(N, D) beside theory; writes demo/"
	@echo "make test    run the tests"
	@echo "make slow    run the tests that take minutes"
	@echo "make check   format, lint, types and import rules"
	@echo "make notebooks  write the tutorials as notebooks, run, to notebooks/"
	@echo "make format  rewrite the sources in the project's format"
	@echo "make clean   remove what the above made"

setup: $(SETUP)

$(SETUP): pyproject.toml constraints-ci.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "scalefit needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,train]' -c constraints-ci.txt
	@touch $@

demo: $(SETUP)
	@$(BIN)/scalefit demo --out demo

test: $(SETUP)
	@SCALEFIT_REQUIRE_ALL=1 $(BIN)/python -P -m pytest -q -n auto --dist worksteal -m "not slow"

slow: $(SETUP)
	@SCALEFIT_REQUIRE_ALL=1 $(BIN)/python -P -m pytest -q -m slow

check: $(SETUP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@rm -rf build && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --target build/types .
	@cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p scalefit
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@cd build/types && PYTHONPATH=. ../../$(BIN)/lint-imports ../../pyproject.toml

notebooks: $(SETUP)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[notebooks]' -c constraints-ci.txt
	@mkdir -p notebooks
	@for page in $(TUTORIALS); do PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupytext --quiet \
		--to ipynb --set-kernel python3 --execute --output notebooks/$$(basename $$page).ipynb $$page.md || exit 1; done

format: $(SETUP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build demo notebooks *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
