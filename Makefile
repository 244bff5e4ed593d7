# One folder, .venv, holds everything; `make clean` removes it.
.PHONY: setup demo test test-all tls-redis chaos soak fuzz lint clean help

VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTED := $(VENV)/.installed-for-tests
# A server for the tests of TLS alone, which the embedded one cannot serve: it is on no PATH.
TLS_REDIS := $(VENV)/redis-tls/redis-server
EXTRAS := tensorflow,embedded
# JAX, so that two backends meet in the tests; PyTorch's are run where it is installed.
TEST_EXTRAS := $(EXTRAS),jax,workloads,dev
# Test files run in so many processes, most of which wait; tests that measure time have the machine to themselves.
TESTERS ?= 3
# The first of these that is there and new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3.10 python3 python; do \
	command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys, ensurepip; sys.exit(not ((3, 10) <= sys.version_info < (3, 14)))' 2>/dev/null && \
	echo $$p && break; done)

help:
	@echo "make demo    run the farm on this machine, from nothing to a matrix"
	@echo "make test    pass the tests"
	@echo "make test-all  those too that take minutes: the large networks on every backend installed"
	@echo "make tls-redis  fetch a Redis with TLS, without which the tests of TLS are skipped (Debian, Ubuntu)"
	@echo "make chaos   kill workers, Redis and commands while a farm works, and count the results"
	@echo "make soak    thousands of jobs with random kills: does anything grow or leak?"
	@echo "make fuzz    ten thousand made-up suites, results, imports and messages"
	@echo "make lint    ruff, mypy and import-linter"
	@echo "make setup   install everything into .venv (the other targets do it by themselves)"
	@echo "make clean   remove .venv and the demo's results"

setup: $(TESTED)

$(STAMP) $(TESTED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "farm needs Python 3.10 to 3.13 with venv on the PATH (on Debian: python3 and python3-venv)"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV) && \
		uv pip install --quiet --python $(BIN)/python -e ".[$(INSTALLED)]"; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$(INSTALLED)]"; \
	fi
	@touch $@

$(STAMP): INSTALLED = $(EXTRAS)
$(TESTED): INSTALLED = $(TEST_EXTRAS)

demo: $(STAMP)
	@FARM_HOME="$(CURDIR)/.demo" exec $(BIN)/farm demo

test: $(TESTED)
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile

test-all: $(TESTED)
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile -m "exhaustive or not exhaustive"

tls-redis: $(TLS_REDIS)

$(TLS_REDIS): | $(TESTED)
	.ci/tls-redis $(@D)

chaos: $(TESTED)
	$(BIN)/python -m tests.chaos --verbose

soak: $(TESTED)
	$(BIN)/python -m tests.chaos.soak --verbose

fuzz: $(TESTED)
	FARM_FUZZ_EXAMPLES=1000 $(BIN)/python -m pytest -n $(TESTERS) --dist loadfile tests/fuzz

lint: $(TESTED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .demo
