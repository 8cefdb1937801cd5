# make demo · make test · make bench · make bench-whole · make bench-accuracy · make validate · make help
.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-whole bench-accuracy validate lock clean
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

help: ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | column -t -s "$$(printf '\t')"

demo: .venv/.runtime ## install, then run the bundled synthetic trial to results/report/index.html
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/snakemake --cores all
	@echo
	@echo "The report of the bundled SYNTHETIC trial: results/report/index.html"
	@echo "Next time: source $(BIN)/activate && snakemake --cores 8"

test: .venv/.test ## install with the test tools, then run every test
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m pytest

bench: demo ## accuracy on the bundled trial, writing, and speed and memory beside FlowKit: writes docs/benchmarks.md
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.accuracy
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.writing
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.speed --out docs/benchmarks.md

bench-whole: .venv/.runtime ## the whole workflow on 24, 120 and 600 files beside FlowKit: its part of docs/benchmarks.md, 3 GB
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.speed --whole 24,120,600 --out docs/benchmarks.md

bench-accuracy: .venv/.runtime ## gating on simulated trials against their truth: writes docs/accuracy.md, 12 minutes on 2 cores
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.gating --out docs/accuracy.md

validate: .venv/.runtime ## recovery and false positives from FCS files to p-values: writes docs/validation.md, 25 minutes on 2 cores
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m benchmarks.validation --out docs/validation.md

lock: ## remake the hashed locks after a change of the dependencies (needs uv)
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	    --no-emit-index-url --extra build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	    --no-emit-index-url --extra build --extra test --extra cluster pyproject.toml -o requirements-test.lock

clean: ## remove the environment and every result
	rm -rf .venv results .snakemake build

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "ERROR: $$($(PYTHON) --version 2>&1) found, Python 3.11 or newer expected; install it, or say: make PYTHON=python3.12 demo" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "ERROR: $(PYTHON) cannot make virtual environments; install venv (Debian and Ubuntu: apt-get install python3-venv) and try again" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.made requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.made requirements-test.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-test.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.runtime
