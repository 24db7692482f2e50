# The commands of this repository. Needs a Python 3.11 to 3.13, pip and make; everything else goes into .venv.
# The last line on stdout of demo and histories is one JSON object: nothing here may print to stdout after them.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
SHELL := /bin/sh

BIN := .venv/bin
INSTALLED := .venv/.installed
PYPROJECTS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml cli/pyproject.toml simulators/*/pyproject.toml)
SEEDS ?= 3
BASE ?= 1
# Tests wait for processes more than they compute.
WORKERS ?= 3
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
LOCAL_NAMES := $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(PYPROJECTS))
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    $(addprefix --no-emit-package ,$(LOCAL_NAMES)) --custom-compile-command "make lock"

.PHONY: help demo test test-kafka check audit histories bench performance lock clean .venv

help: ## this list
	@sed -n 's/^\([a-z.-]*\):[^#]*## \(.*\)/  make \1@\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

demo: $(INSTALLED) ## an MSP's month, end to end [SEED= CUSTOMERS= SABOTAGE=1 KEEP=1]
	@$(BIN)/python -m scenarios.demo $(if $(SEED),--seed $(SEED)) $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(if $(filter 1,$(SABOTAGE)),--sabotage) $(if $(filter 1,$(KEEP)),--keep)

test: $(INSTALLED) ## the whole test suite, on the embedded broker and store [ARGS= WORKERS=]
	@$(PYTEST) --junitxml=.reports/embedded.xml $(ARGS)

test-kafka: $(INSTALLED) .kafka ## the tests that need a broker, by the same ids on Apache Kafka; needs java and mvn [ARGS= WORKERS=]
	@SEATLEDGER_KAFKA=$(CURDIR)/.kafka $(PYTEST) -m broker --junitxml=.reports/kafka.xml $(ARGS); \
	    status=$$?; $(BIN)/python .ci/side_by_side.py .reports/embedded.xml .reports/kafka.xml; exit $$status

.kafka: deploy/kafka/pom.xml deploy/kafka/install.py docker-compose.yml | $(INSTALLED)
	@$(BIN)/python deploy/kafka/install.py && touch $@

check: $(INSTALLED) ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@for tests in $(wildcard services/*-*/tests); do $(BIN)/mypy $$tests || exit 1; done
	@$(BIN)/lint-imports

audit: ## ask osv.dev for known advisories about the locked packages; needs the network
	@python=$$(sh .ci/find-python) && "$$python" .ci/audit.py

histories: $(INSTALLED) ## random months with moves, kills and faults in between [SEEDS= BASE=]
	@$(BIN)/python -m tests.simulation.histories --seeds $(SEEDS) --base $(BASE)

bench: $(INSTALLED) ## what it costs and how it grows, in half an hour, into bench/out.json [ONLY=bus,memory,…]
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

performance: $(INSTALLED) ## docs/performance.md and its charts from the last make bench
	@$(BIN)/python -m bench.report

lock: ## resolve the requirements anew into the three locks (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: python3 -m venv /tmp/uv && /tmp/uv/bin/pip install uv, then PATH=/tmp/uv/bin:\$$PATH make lock" >&2; exit 1; }
	@$(LOCK) --upgrade requirements.in --output-file requirements.lock
	@$(LOCK) deploy/requirements.in --constraints requirements.lock --output-file deploy/requirements.lock
	@$(LOCK) deploy/build.in --constraints requirements.lock --output-file deploy/build.lock

clean: ## remove .venv, caches and the state of demos
	@rm -rf .venv .kafka .reports .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis st st-*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: $(INSTALLED) ## install into .venv (the other targets do it when needed)

$(INSTALLED): requirements.lock $(PYPROJECTS)
	@python=$$(sh .ci/find-python) && "$$python" .ci/setup.py
