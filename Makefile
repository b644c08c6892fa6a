# One line per target: `make help`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CLIENT := $(shell find web/client -type f -not -path '*/node_modules/*' 2>/dev/null)
SHELL  := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## the virtual environment, the package and its client

demo: install ## start everything with a demonstration office, print addresses and logins
	@exec $(BIN)/peiban demo --end-with-parent

test: chromium $(VENV)/.tested-with ## checks, then unit, contract, integration and end-to-end tests
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest tests -m "not deep"

check: $(VENV)/.tested-with ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

deep: $(VENV)/.tested-with chromium ## soaks and ten-thousand-fold runs, before a release
	$(BIN)/python -m pytest tests -m deep

unit: $(VENV)/.tested-with ## the fast tests only
	$(BIN)/python -m pytest tests/unit

e2e: $(VENV)/.tested-with chromium ## the walks in a real browser only
	$(BIN)/python -m pytest tests/e2e

types: $(VENV)/.tested-with ## the client's types, anew from the server's description of itself
	$(BIN)/python -m web.openapi > web/client/openapi.json
	cd web/client && npm run types

clean: ## remove what was built (data folders stay)
	rm -rf $(VENV) build dist *.egg-info web/static web/client/node_modules inspection/sheet/fonts

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Peiban needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory system-packages PACKAGES=python3-venv FOR="virtual environments"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml hatch_build.py $(CLIENT)
	@echo "Installing the package and building its client (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@cat web/static/first-load.txt
	@touch $@

$(VENV)/.tested-with: $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || $(MAKE) --no-print-directory system-packages PACKAGES=chromium FOR="the end-to-end tests"

old-engine: ## Chromium 87, for the old phone's test; without it that test is skipped
	@/usr/bin/python3 -c 'import PyQt5.QtWebEngineWidgets, PyQt5.QtTest' 2>/dev/null || $(MAKE) --no-print-directory system-packages PACKAGES=python3-pyqt5.qtwebengine FOR="the old engine's test"

# Debian's packages, when they are missing and may be installed; otherwise one clear sentence.
system-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's $(PACKAGES) for $(FOR) ..."; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; \
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's $(PACKAGES) for $(FOR) ..."; \
	  sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; \
	else \
	  echo "$(PACKAGES) is needed for $(FOR) and may not be installed from here: run 'sudo apt-get install $(PACKAGES)' and try again."; exit 1; \
	fi

.PHONY: help install demo test check deep unit e2e types clean chromium old-engine system-packages
