VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
THREADS ?= 2
TYPES ?= $(THREADS)
KERNELS := $(shell find src -name '*.[ch]')

.DEFAULT_GOAL := help
.PHONY: help install demo check test test-ray test-fast test-thorough lint format package docs bench examples clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-%: pyproject.toml constraints.txt setup.py $(KERNELS) | $(BIN)/python
	$(PIP) -e ".[$*]"
	@touch $@

# One installation for two extras: what they need is looked up once. Python compiles what is
# imported; to compile all that is installed takes a minute.
$(VENV)/.installed-check: pyproject.toml constraints.txt setup.py $(KERNELS) | $(BIN)/python
	$(PIP) --no-compile -e ".[test,lint]"
	@touch $@ $(VENV)/.installed-test $(VENV)/.installed-lint

install: $(VENV)/.installed-all  ## install the library and the command line into .venv

demo: $(VENV)/.installed-all  ## run the main job on scikit-learn's digits, into runs/demo
	$(BIN)/shrinkage path digits --penalty l1 --strengths 20 --folds 5 --out runs/demo --resume

check: $(VENV)/.installed-check  ## what every change must pass: lint and test, side by side
	$(MAKE) -j 2 lint test TYPES=1

test: $(VENV)/.installed-test  ## install what the tests need and run them all
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(THREADS)

test-thorough: $(VENV)/.installed-test  ## every case of every product of frameworks, updates, penalties
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(THREADS) --thorough

test-ray: $(VENV)/.installed-test $(VENV)/.installed-ray  ## units on a Ray of three nodes, one of which is killed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/paths/test_ray.py

test-fast: $(VENV)/.installed-test  ## the first case of every test that is not slow
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(THREADS) --fast

lint: $(VENV)/.installed-test $(VENV)/.installed-lint  ## style, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --threads $(TYPES)
	$(BIN)/lint-imports

format: $(VENV)/.installed-lint  ## rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

package: $(VENV)/.installed-package $(VENV)/.installed-all  ## build sdist and wheels into dist/, and try each in a fresh environment
	$(BIN)/python release/package.py

docs: $(VENV)/.installed-docs  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.installed-bench  ## run the benchmarks and write benchmarks/results/
	for file in $(filter-out benchmarks/recording.py, $(wildcard benchmarks/*.py)); do $(BIN)/python $$file || exit 1; done

examples: $(VENV)/.installed-examples  ## run every experiment; fails where a stated number is not met
	for file in $(filter-out examples/common.py, $(wildcard examples/*.py)); do $(BIN)/python $$file || exit 1; done

clean:  ## remove what was built, not the runs
	rm -rf $(VENV) build dist site src/*.egg-info .pytest_cache .ruff_cache
