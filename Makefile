.DEFAULT_GOAL := help
.PHONY: help setup demo demo-network engine compose network images test test-all test-portable lint infra-check fmt golden docs chaos bench bench-anomalies bench-reduction bench-network bench-queries bench-costs clean

PYTHON ?= python3
PY := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)/python
CITIES ?= denver chicago
REGISTRY ?=

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## Make .venv, the emulator and what checks infra/; says what is missing and how to get it
	@$(PYTHON) tools/setup.py

demo: setup ## Three cities from SQLite to Cosmos and back, on this machine
	@$(PY) tools/demo.py

demo-network: ## The same on a real Bacalhau network with Docker jobs, verified by id
	@$(MAKE) -s network && $(MAKE) -s images && $(PY) tools/demo_network.py

engine: ## Install and start Docker's engine (root, Debian); says what to do elsewhere
	@$(PYTHON) tools/engine.py

compose: ## Build Docker Compose into .tools where `docker compose` is missing or older than 2.20
	@$(PYTHON) tools/setup.py compose

network: setup ## Orchestrator, a node for each city, registry and emulator on this machine
	@$(PYTHON) tools/setup.py network && .venv/bin/bacalhau-cosmos network up $(addprefix --city ,$(CITIES))

images: setup ## Build the processor's and the sensors' image and push them to REGISTRY
	@$(PY) tools/images.py $(addprefix --registry ,$(REGISTRY))

test: ## All tests on all cores, against the emulator; on a real network too where Docker's engine answers
	@env -u COSMOS_ENDPOINT $(MAKE) -s setup
	@if [ "$$(id -u)" = 0 ] && docker version >/dev/null 2>&1; then $(PYTHON) tools/setup.py network || true; fi
	@$(PY) -m pytest -n auto

test-all: setup ## All tests on each Python from 3.11 to 3.13 that is installed
	@$(PY) tools/test_all.py

test-portable: ## Unit tests of the command line and the sensor manager, as hosted CI runs them on macOS and Windows
	@$(PYTHON) tools/setup.py python
	@$(PY) -m pytest -m "not network and not root and not emulator" tests/submitter tests/sensors

lint: setup ## Style, types, security, and whether generated docs are fresh
	@$(PY) -m ruff check && $(PY) -m ruff format --check && $(PY) -m mypy && $(PY) tools/docs.py --check
	@$(PY) -m bandit --quiet --configfile pyproject.toml --recursive submitter processors sensors network fleet tools
	@$(PY) tools/audit.py

infra-check: ## Parse and check the Bicep of infra/azure: ours, pycep and checkov; nothing is deployed
	@$(PYTHON) tools/setup.py infra
	@$(PY) tools/infra_check.py

fmt: setup ## Format the code
	@$(PY) -m ruff check --fix && $(PY) -m ruff format

golden: setup ## Write the golden texts of tests again; review the diff
	@UPDATE_GOLDEN=1 $(PY) -m pytest -q -k golden

docs: setup ## Write the generated parts of docs again
	@$(PY) tools/docs.py

chaos: setup ## Hundreds of drawn histories of faults, thousands of passes, fuzz; writes docs/reliability.md (root)
	@$(PY) -m tests.chaos && $(PY) -m tests.fuzz --minutes 2

bench: setup ## Speed and memory of each stage and of the whole
	@$(PY) -m bench

bench-anomalies: setup ## Detectors against the Numenta benchmark and simulated truth; writes docs/anomalies.md
	@$(PY) -m bench.anomalies

bench-reduction: setup ## What the choice of readings saves, and its errors; writes docs/reduction.md
	@$(PY) -m bench.reduction

bench-network: setup ## From submit to the last report, split into its parts, beside Bacalhau's own CLI
	@$(PYTHON) tools/setup.py network && $(PY) -m bench.network

bench-queries: setup ## What the common queries are charged by the strict service; writes docs/queries.md
	@$(PY) -m bench.queries

bench-costs: setup ## A plan beside what the run it foretells is charged; writes docs/cost.md
	@$(PY) -m bench.costs

clean: ## End the demo's emulator; remove all that make and the demo made
	@$(PYTHON) tools/clean.py
