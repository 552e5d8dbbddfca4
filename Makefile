# Loopwatch. `make` or `make help` lists what there is.

# Any Python from 3.11 on will do, those it is tested with first.
CANDIDATES = $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3 python)
PIP = .venv/bin/python -m pip --quiet --disable-pip-version-check

# Where the data of the detection benchmarks is.
INCIDENTS ?= ../shared/incidents
REAL_SESSIONS ?= ../shared/data

.DEFAULT_GOAL := help
SHELL = /bin/sh

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z_.-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv ## Show it work: agents, an incident, Slack and PagerDuty (ONCE=1: end by itself)
	@.venv/bin/loopwatch demo $(if $(ONCE),--once)

.PHONY: test
test: .venv ## Run every test (REQUIRE_KAFKA=1: without Apache Kafka, fail instead of skipping)
	.venv/bin/python -m pytest tests/unit -n auto --dist worksteal
	.venv/bin/python -m pytest tests --ignore=tests/bench --ignore=tests/alertmanager --ignore=tests/unit

.PHONY: unit
unit: .venv ## Run the unit tests only, on all cores
	.venv/bin/python -m pytest tests/unit -n auto --dist worksteal

# Its service is not wanted: the tests start it themselves, on the loopback.
.PHONY: test-alertmanager
test-alertmanager: .venv ## Compare with the real Alertmanager (installs Debian's prometheus-alertmanager; WRITE=1: renew the page)
	@dpkg -s prometheus-alertmanager >/dev/null 2>&1 || { \
	    { systemctl mask prometheus-alertmanager || true; } 2>/dev/null; apt-get update && \
	    RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus-alertmanager; }
	ALERTMANAGER_BIN=/usr/bin WRITE="$(WRITE)" .venv/bin/python -m pytest tests/alertmanager

.PHONY: lint
lint: .venv ## Check format, style and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

.PHONY: format
format: .venv ## Format the code and mend what can be mended
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.PHONY: bench
bench: .venv .bench/peer ## Measure the speed on a real Apache Kafka (ARGS="--only P1,P7", "--full")
	.venv/bin/python -m tests.bench $(ARGS)

# The benchmark's data and scorer are not part of the project.
NAB ?= ../shared/nab

.PHONY: bench-nab
bench-nab: .venv ## Score odd stretches by the Numenta Anomaly Benchmark (NAB=DIR: its data and score.py)
	@test -f "$(NAB)/score.py" || { echo "The benchmark is not in $(NAB): name the folder that holds its score.py," >&2; \
	    echo "data/ and labels/: make bench-nab NAB=/path/to/nab" >&2; exit 1; }
	PYTHONPATH=. .venv/bin/python "$(NAB)/score.py" tests/bench/nab.py:Detector

.PHONY: bench-drift
bench-drift: .venv ## Measure how soon lasting shifts are found (ARGS=...; calibration needs INCIDENTS=)
	INCIDENTS="$(INCIDENTS)" .venv/bin/python -m tests.bench.drift $(ARGS)

.PHONY: bench-incidents
bench-incidents: .venv ## Measure on labelled incidents and real sessions (INCIDENTS=, REAL_SESSIONS=, ARGS=...)
	INCIDENTS="$(INCIDENTS)" REAL_SESSIONS="$(REAL_SESSIONS)" \
	    .venv/bin/python -m tests.bench.incidents $(ARGS)

.PHONY: bench-plots
bench-plots: .venv ## Draw series of three fleets, what was expected and what fired, into docs/plots
	INCIDENTS="$(INCIDENTS)" .venv/bin/python -m tests.bench.plots $(ARGS)

.PHONY: kafka
kafka: .venv ## Run a real Apache Kafka on 127.0.0.1:9092 in the foreground (data in .kafka/)
	@exec .venv/bin/python -m loopwatch.apache_kafka --port 9092 --data .kafka/data

.PHONY: picture
picture: .venv ## Take the README's picture of the sandbox (installs Debian's chromium and fonts-noto-color-emoji)
	@dpkg -s chromium fonts-noto-color-emoji >/dev/null 2>&1 || { apt-get update && apt-get install -y --no-install-recommends chromium fonts-noto-color-emoji; }
	.venv/bin/python -m tests.picture

.PHONY: lock
lock: .venv ## Pin all dependencies: of the product, and of its development (UPGRADE=1: the newest that fit)
	@.venv/bin/python -m uv --version >/dev/null 2>&1 || $(PIP) install uv
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock \
	    --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --group bench --output-file requirements-bench.lock

COMPILE = .venv/bin/python -m uv pip compile --quiet --universal --generate-hashes \
    --no-emit-index-url --no-header --python-version 3.11 $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove the virtual environment, caches, and Kafka's jars and data
	rm -rf .venv .kafka .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .bench build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment: made when there is none that works, and brought up to date
# when the lock file or the project's own data change.
.PHONY: .venv
.venv: .venv/installed

USABLE = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

ifneq ($(shell .venv/bin/python -c "import pip" >/dev/null 2>&1 || echo broken),)
.PHONY: .venv/python
endif
.venv/python:
	@if .venv/bin/python -c '$(USABLE)' 2>/dev/null \
	    && .venv/bin/python -c "import pip" 2>/dev/null; \
	then touch $@; exit 0; fi; \
	for candidate in $(CANDIDATES); do \
	    "$$candidate" -c '$(USABLE)' 2>/dev/null || continue; \
	    echo "Making .venv with $$("$$candidate" --version), installing ..."; \
	    "$$candidate" -m venv --clear .venv && touch $@; \
	    exit; \
	done; \
	echo "Loopwatch needs Python 3.11 or newer with its venv module; there is none" >&2; \
	echo "among: $(CANDIDATES)." >&2; \
	echo "Install one (on Debian: apt-get install python3 python3-venv), or name it:" >&2; \
	echo "make PYTHON=/path/to/python ..." >&2; \
	exit 1

.venv/locked: requirements-dev.lock .venv/python
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.bench/peer: requirements-bench.lock .venv/python
	@.venv/bin/python -m venv --clear $@
	@$@/bin/python -m pip --quiet --disable-pip-version-check install \
	    --require-hashes -r requirements-bench.lock
	@touch $@

.venv/installed: pyproject.toml .venv/locked
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@.venv/bin/python -m detectors.warm
	@.venv/bin/python -m streams.warm_up
	@touch $@
