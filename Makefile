# make demo: see Cohort at work.  make test: everything that must hold.  make check: the quick part of it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check chat clean lessons-gpu

demo: $(VENV)/.offline
	$(BIN)/cohort demo

chat: $(VENV)/.offline
	$(BIN)/cohort chat

test: check
	$(BIN)/pytest -n auto --dist loadfile  # the blocks of a lesson share their names

# On a machine with a GPU: every lesson, with the blocks that need one.
lessons-gpu: $(VENV)/.dev
	COHORT_LESSONS_GPU=1 $(BIN)/pytest lessons -s

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# One stamp a set of extras; a change of pyproject.toml installs again.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
