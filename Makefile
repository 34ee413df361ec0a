# Two commands: `make demo` and `make test`. Each makes the virtual environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed

.PHONY: demo test fast fuzz lint types results speed stress install clean

demo: $(INSTALLED)
	$(BIN)/matbench-defects demo --out demo

# A process a core, each with one thread: two that share a core's threads are slower than one.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

test: $(INSTALLED)
	$(PYTEST)
	$(PYTEST) -m slow --durations=10

fast: $(INSTALLED)
	$(PYTEST)

# make fuzz SECONDS=3600; until Ctrl-C without it. SEED=0 goes the way that CI goes; else each run goes its own.
fuzz: $(INSTALLED)
	$(BIN)/python tests/fuzz/fuzzing.py $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

# Every shipped task with these models, as benchmarks/README.md and benchmarks/results.md show them; hours, and it goes on
# where it was stopped.
RESULT_MODELS = mean composition cluster-expansion cluster-expansion-triplets defect-ridge defect-gaussian-process \
	defect-properties-ridge defect-properties-gaussian-process magpie-forest minimum-distances-forest soap-ridge \
	ewald-boosting hop-forest sevennet-zero-shot
results: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/matbench-defects evaluate $(basename $(notdir $(wildcard benchmarks/*.yaml))) \
		$(addprefix --model ,$(RESULT_MODELS)) --out results
	$(BIN)/matbench-defects table results --out benchmarks/results.md --overview benchmarks/README.md

# PEERS: a Python that has icet, bsym, SHRY and dsenum installed, to time them beside the enumeration.
speed: $(INSTALLED)
	$(BIN)/python benchmarks/speed/enumeration.py --write $(if $(OLD),--old $(OLD)) $(if $(PEERS),--peers-python $(PEERS))

# A million labels on four Dask workers by an engine that answers at once, two kills, resumed, built, opened in streaming;
# hours on two cores. make stress SIZE=20000 takes minutes, SIZE=100000 a quarter of an hour. Before that `enumerate` and
# `leaderboard build` are killed at random moments, with no remains after the next run.
SIZE = 1000000
KILLS = 60
stress: $(INSTALLED)
	nice -n 10 $(BIN)/python benchmarks/stress/kills.py --kills $(KILLS)
	nice -n 10 $(BIN)/python benchmarks/stress/stress.py --size $(SIZE)

install: $(INSTALLED)

# Installed again whenever what is needed changes.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed; say which: make PYTHON=python3.12') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(INSTALLED)

clean:
	rm -rf $(VENV) demo site results build dist fuzz-findings stress stress-kills
