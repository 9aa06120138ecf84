# Two commands do all the set-up: `make demo` shows everything, `make test` proves it.
PYTHON ?= python3.11
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_NUM_THREADS ?= 1
unexport PYTHONDONTWRITEBYTECODE   # or every process that a test starts compiles all it imports again

# uv reads neither pip.conf nor PIP_FIND_LINKS; where no folder of wheels is named, uv finds the CPU build of torch itself.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifeq ($(PIP_FIND_LINKS),)
export UV_TORCH_BACKEND ?= cpu
endif

.PHONY: setup demo check test proofs drills evaluate latency load schema mutants pipelines manifests-check images sbom scale terraform-check cluster-dry-run clean help

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/ - /'

setup: .venv/ready   ## make .venv with everything pinned in constraints.txt

.venv/ready: pyproject.toml constraints.txt
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv; }
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	touch .venv/ready

demo: setup      ## simulate a city, train, judge, recommend with reasons, write the page
	gems demo

check: setup     ## format, lint, types, import contracts, doctests
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m pytest -q --doctest-modules hidden_gems

test: setup      ## all tests, two at a time: units, then what starts real servers
	python -m pytest -q -n 2 --dist loadfile tests/unit tests/conformance tests/infra
	python -m pytest -q -n 2 --dist loadgroup tests/e2e tests/integration

proofs: setup    ## long runs behind promises: faults, five hundred clicks, erasure, memory, odd folders, equal figures, images
	python -m pytest -q tests/proofs

drills: setup    ## faults on purpose, and whether every promise holds; report in .gems/drills.json; ONLY=D05,D06 SEED=1
	python -m tests.drills $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

evaluate: setup  ## every target in three simulated cities; with DATA=folder TIMEZONE=zone all models on that folder first
	$(if $(DATA),gems evaluate --data $(DATA) --timezone $(or $(TIMEZONE),Europe/Istanbul) --out .gems/evaluation.json)
	gems targets --simulate --seeds 3 $(if $(DATA),--report .gems/evaluation.json)

latency: setup   ## the served graph against torch eager, trees and LinUCB against their plain forms, answers with facts
	python -m tests.served_speed
	python -m tests.answer_ratios

load: setup      ## what the collector takes, and its answers at five times that; the topic is read back
	python -m tests.collector_load

schema: setup    ## schemathesis on a real collector for five minutes: no 5xx, no answer that is not as described
	python -m tests.collector_schema

mutants: setup   ## 40 small changes of the library, by a seed: at least 90 % must be noticed by the unit tests
	python -m tests.mutants

manifests-check: setup  ## every overlay of manifests/ renders, names only what is there, and fits the code
	python -m pytest -q -n 0 tests/infra/test_manifests.py tests/infra/test_manifests_and_code.py tests/unit/monitoring tests/unit/steps/test_rollout.py

images:          ## our images with docker, podman or buildah; REGISTRY=… pushes them, BASE=… pins the base (images/README.md)
	images/build.sh

sbom: setup      ## what the images hold, as CycloneDX, from environments made by their install steps; into .gems/sbom
	images/sbom.sh .gems/sbom

cluster-dry-run: manifests-check terraform-check  ## all that can be proved of the cluster without one: overlays, boards, rules, pipelines, Terraform
	python -m pytest -q -n 0 tests/infra/test_pipelines.py

scale: setup     ## data preparation at size: 10 M simulated impressions on DuckDB, 1 M on DuckDB and Spark, compared; needs Java
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,scale]'
	python -m tests.scale --folder .gems/scale --people 60 --engines duckdb,cluster
	python -m tests.scale --folder .gems/scale --people 48000
	python -m tests.scale --folder .gems/scale --people 4600 --engines duckdb,spark

terraform-check: setup  ## format and tests of every module and environment of terraform/; TF_PLUGIN_DIR names the provider's folder
	python -m tests.terraform

clean:           ## remove what was made, .gems included
	rm -rf .venv .gems build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
