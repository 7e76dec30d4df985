# One list of commands for people, hooks and CI. Nothing here installs system packages. What is fetched comes by the package clients
# of Python, and for real servers by those of Go and Maven.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo up down test check lint bench install
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
BIN := .venv/bin
STAMP := .venv/.installed
# The certificates that this machine trusts, also those of an agency's own network.
export UV_SYSTEM_CERTS ?= true
HOMES := $(or $(CAPSTONE_HOME),$(CURDIR)/.capstone/demo $(CURDIR)/.capstone/real)
export CAPSTONE_HOME ?= $(CURDIR)/.capstone/$(if $(filter real,$(SERVICES)),real,demo)
# Two processes at a time, each test file in one of them.
TWO := -n 2 --dist loadfile
CORE := capstone/domain/*,capstone/usecases/*

help:  ## What there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

demo: $(STAMP)  ## Invented mailboxes, captured and indexed through Airflow; then what a Records Officer wants to see
	@bash scripts/demo.sh

up: $(STAMP)  ## Airflow with the DAGs over the demo archive, until Ctrl-C; SERVICES=real: on real servers, EXECUTOR=celery: two workers
	@$(if $(filter real,$(SERVICES)),$(BIN)/python -m scripts.real_stack up $(if $(filter celery,$(EXECUTOR)),--celery),bash scripts/demo.sh up)

down:  ## Stop what make up started
	@for home in $(HOMES); do CAPSTONE_HOME=$$home $(BIN)/python -m scripts.real_stack down; done

check: lint  ## Format, lint, types, import rules, fast tests
	$(BIN)/pytest -q $(TWO) -m "not slow and not service and not airflow and not corpus"

lint: $(STAMP)  ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --strict scripts tests/services.py tests/servers
	$(BIN)/lint-imports

test: $(STAMP)  ## Every test, and full branch coverage of the domain and the use cases
	$(BIN)/pytest $(TWO) --durations=25 --cov --cov-report=
	$(BIN)/coverage report --skip-covered --fail-under=0
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100

bench: $(STAMP)  ## Speed and memory, beside notmuch, mu and lei where these are installed
	@for peer in notmuch mu lei; do command -v $$peer >/dev/null || echo "$$peer is not installed: it is left out of the table."; done
	$(BIN)/python -m benchmarks

install: $(STAMP)  ## Only the environment: .venv with Python 3.11 and the locked packages

$(STAMP): requirements.lock pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python 3.11 .venv
	@echo "Installing the locked packages into .venv; the first time this takes a few minutes."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.tools/bin/uv:
	@command -v python3.11 >/dev/null || { echo "Python 3.11 is needed (python3.11 on the PATH)."; exit 1; }
	@python3.11 -m venv .tools || { echo "python3.11 has no venv module here: install it (Debian: python3-venv), or install uv."; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
