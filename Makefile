# The commands of this project; people and CI run the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check docs dist bench soak fixtures screenshots clean
.DEFAULT_GOAL := help

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[server]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group test --group docs
	touch $@

demo: $(VENV)/.installed ## Simulate a training and open the dashboard on it
	$(BIN)/thalia-monitor demo --open

test: check ## Install the test dependencies and run all tests
	scripts/install-test-tools
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

check: $(VENV)/.tested ## Check lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	if [ -x $(BIN)/biome ] || [ "$$CI" = true ]; then $(BIN)/biome check --error-on-warnings assets thalia_monitor/export/templates; fi
	$(BIN)/mypy

docs: $(VENV)/.tested ## Build the documentation as a site in build/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -d build/doctrees docs build/docs

dist: $(VENV)/.tested ## Build and check what is published, in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	$(BIN)/python -m twine check --strict dist/*

bench: $(VENV)/.tested ## Measure everything in docs/performance.md
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks

soak: $(VENV)/.tested ## Watch memory during an hour compressed into minutes
	$(BIN)/python -m benchmarks.soak

fixtures: $(VENV)/.installed ## Regenerate fixtures/ from their seeded program
	$(BIN)/python -m fixtures.make

screenshots: $(VENV)/.tested ## Regenerate the pictures of the docs
	$(BIN)/python -m scripts.screenshots

clean: ## Remove what the commands above made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
