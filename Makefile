# Every task by name: `make help`. On Windows in Git's bash, which has the sh that make needs.

CHIMERAX ?= ChimeraX
SEED ?= 1
COUNT ?= 1000
DEVICE ?= cpu
PINNED = --constraint tests/requirements.txt

ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN = .venv/Scripts
PEERS = build/peers/Scripts
else
PYTHON ?= python3
BIN = .venv/bin
PEERS = build/peers/bin
endif
VERSION = $(shell $(PYTHON) -c "import xml.etree.ElementTree as x; print(x.parse('bundle_info.xml').getroot().get('version'))")
WHEEL = dist/chimerax_makesphere-$(VERSION)-py3-none-any.whl
DEMO = tests/data/EMD-11007-binned
SPHERES = $(patsubst %,build/demo/EMD-11007-binned_sphere_r125A_%.mrc,v0p5match v2match)
SOURCES = setup.py bundle_info.xml $(wildcard src/*.py src/*/*.py src/*/*.png src/docs/user/*/*)

.PHONY: help demo test test-chimerax mutants wheel install check bench evidence stress tag clean

help:  ## Say what there is to make
	@$(PYTHON) -c "import re; [print('  make %-15s %s' % m) for m in re.findall(r'^([\w-]+):.*?## (.*)', open('Makefile', encoding='utf-8').read(), re.M)]"

demo: .venv/installed  ## Make the recommended decoys for a real map, without ChimeraX
	@$(BIN)/python -m pip install --quiet $(PINNED) matplotlib
	@$(BIN)/python -c "import os; os.makedirs('build/demo', exist_ok=True)"
	@$(BIN)/python -m chimerax.makesphere $(DEMO).mrc --output build/demo
	@$(BIN)/python examples/slices.py $(DEMO).mrc $(SPHERES) build/demo/slices.png

# Two workers, and NumPy in each would take both cores for matrix products: a tenth slower.
test: export OPENBLAS_NUM_THREADS = 1
test: .venv/installed .venv/tested  ## Run all tests that need no ChimeraX
	$(if $(NUMPY),$(BIN)/python -m pip install --quiet "$(NUMPY)")
	$(BIN)/python -m pytest -n 2 --dist worksteal -rs $(TESTS)

test-chimerax: export QT_QPA_PLATFORM = offscreen
test-chimerax: $(WHEEL)  ## Run the suite in the ChimeraX that CHIMERAX names
	$(CHIMERAX) -m pip install --quiet --user --upgrade-strategy only-if-needed $(PINNED) pytest hypothesis
	$(MAKE) install
	$(CHIMERAX) --nogui --script "tests/in_chimerax.py $(TESTS)"
	$(if $(TESTS),,$(CHIMERAX) --nogui --script "tests/in_chimerax.py tests/check_repository.py")
	$(if $(TESTS),,$(CHIMERAX) --script "tests/in_chimerax.py $(wildcard tests/test_panel_*.py)")

mutants: .venv/installed .venv/tested  ## Put mutations into the code that tests must catch: MODULE, LAST
	$(BIN)/python -m pip install --quiet mutmut==3.8.1
	$(BIN)/python tests/mutations.py $(or $(MODULE),'*') $(LAST)

wheel: $(WHEEL)  ## Build the bundle, without ChimeraX
	@echo $(WHEEL)

install: $(WHEEL)  ## Install the bundle into the ChimeraX that CHIMERAX names
# The first also gets mrcfile. It leaves the same version as it is, and puts off one that is in use.
	$(CHIMERAX) --nogui --exit --cmd "toolshed install $(WHEEL)"
	$(CHIMERAX) -m pip install --quiet --user --no-deps --force-reinstall $(WHEEL)

check: .venv/installed .venv/tested  ## Check code, types, links, argument names, versions, and the wheel
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/check_repository.py tests/test_wheel.py

# With CHIMERAX=... in both, which make passes on: also in a ChimeraX that has the bundle.
bench: .venv/installed .venv/tested  ## Measure makesphere beside other programs, and that the evidence still runs
	$(BIN)/python -m pip install --quiet $(PINNED) matplotlib
	$(PYTHON) -m venv build/peers
	$(PEERS)/python -m pip install --quiet -r benchmarks/requirements.txt
	$(PEERS)/python -m pip install --quiet --no-deps pytom-match-pick==0.14.0
	$(BIN)/python benchmarks/bench.py --peers build/peers
	$(BIN)/python -m pip install --quiet $(PINNED) -r benchmarks/decoy/requirements.txt
	$(BIN)/python -m pytest -q benchmarks/decoy
	$(BIN)/python benchmarks/decoy/run.py --sample

stress: .venv/installed .venv/tested  ## Try to break it: SEED, COUNT
	$(BIN)/python tests/stress --seed $(SEED) --count $(COUNT)

evidence: .venv/installed  ## Sort junk with two classifiers, on a GPU if DEVICE=cuda: half an hour and RELION's hour
	$(BIN)/python -m pip install --quiet $(PINNED) -r benchmarks/decoy/requirements.txt
	$(BIN)/python benchmarks/decoy/run.py --device $(DEVICE) --results build/decoy/results.csv
	$(BIN)/python benchmarks/decoy/run.py --relion --jobs 2 --results build/decoy/results.csv
	$(BIN)/python benchmarks/decoy/report.py --results build/decoy/results.csv --output build/decoy/report.md

tag: check  ## Tag this version for a release, if all is committed
	git diff --quiet HEAD
	git tag --annotate v$(VERSION) --message "MakeSphere $(VERSION)"

clean:  ## Remove all that was made here
	$(PYTHON) -c "import shutil; [shutil.rmtree(d, ignore_errors=True) for d in ('.venv', 'build', 'dist')]"

$(WHEEL): $(SOURCES) .venv/made
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# ChimeraX 1.8 does not see bundles whose metadata are of version 2.4, as setuptools 77 writes them.
.venv/made:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(PINNED) "setuptools>=70.1,<77" mrcfile scipy
	@$(PYTHON) -c "open('$@', 'w')"

# Without its dependencies: ChimeraX is not on PyPI, and not needed here.
.venv/installed: $(WHEEL)
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(WHEEL)
	@$(PYTHON) -c "open('$@', 'w')"

.venv/tested: tests/requirements.txt .venv/made
	$(BIN)/python -m pip install --quiet -r tests/requirements.txt
	@$(PYTHON) -c "open('$@', 'w')"
