# SPDX-License-Identifier: Apache-2.0
# The front door. `make help` says what there is; every command does its own set-up.
#
# BUILD=DIR      where to build (default build)
# VERBOSE=1      show every command of the build and every test's output
# JOBS=N         how many tests may run at once (default 2); those that need a machine of their own
#                say so themselves
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

BUILD ?= build
JOBS ?= 2
export BUILD VERBOSE JOBS
override build_dir := $(abspath $(BUILD))
support := tests/support
# The lab tier starts a stack of its own through ctest's fixtures. `stack with` ends it however
# ctest ends, and on failure its logs are here:
export VNIC_STACK_LOGS ?= $(build_dir)/lab-logs
export VNIC_OPERATOR_BINARY ?= $(build_dir)/controller/app/vnic-operator

ctest = $(support)/stack with ctest --test-dir $(build_dir) --no-tests=error -j$(JOBS) \
	$(if $(VERBOSE),-V,--output-on-failure)

.PHONY: help
help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install and build all that the project needs on a fresh Debian 12 (safe to repeat)
	@$(support)/setup.sh

.PHONY: check-surroundings
check-surroundings:
	@$(support)/stack check

.PHONY: setup-build
setup-build:
	@$(support)/setup.sh build

.PHONY: setup-parts
setup-parts:
	@$(support)/setup.sh build lab control-plane

.PHONY: build
build: setup-build ## build the operator and the tests in build/
	@$(support)/build.sh

.PHONY: test
test: check-surroundings setup build ## all tests: lint, sanitizers, unit, sim, component, fuzz, conformance, deploy, lab
	@$(ctest) -LE '^lab-(faults|soak)$$'

.PHONY: test-unit
test-unit: build ## pure code
	@$(ctest) -L '^unit$$'

.PHONY: test-sim
test-sim: build ## the operator in a simulated world: crashes, faults, random histories
	@$(ctest) -L '^sim$$'

# SEED=S: another one than the clock's; the seeds that follow are tried as well.
.PHONY: soak-sim
soak-sim: setup-build ## random histories: make soak-sim STEPS=10000000
	@$(support)/build.sh sim_explore
	@$(build_dir)/tests/sim/sim_explore --steps $(or $(STEPS),10000000) \
		--seed $(or $(SEED),$(shell date +%s))

.PHONY: test-component
test-component: build ## adapters against servers on loopback that misbehave
	@$(ctest) -L '^component$$'

.PHONY: test-conformance
test-conformance: build ## against a real kube-apiserver
	@$(support)/setup.sh control-plane
	@$(ctest) -L '^conformance$$'

.PHONY: test-deploy
test-deploy: build ## chart, kustomize and GitOps, by their own tools
	@$(support)/setup.sh control-plane deploy
	@$(ctest) -L '^deploy$$'

.PHONY: test-lab
test-lab: check-surroundings build ## the whole operator on two SR-IOV hosts (root)
	@$(support)/setup.sh lab control-plane
	@$(ctest) -L '^lab$$'

.PHONY: test-lab-faults
test-lab-faults: check-surroundings build ## phase by fault on the hosts, all cells (root; half an hour)
	@$(support)/setup.sh lab control-plane
	@$(ctest) -L '^lab-faults$$'

.PHONY: soak
soak: check-surroundings build ## move a VM back and forth (root): make soak N=1000
	@$(support)/setup.sh lab control-plane
	@VNIC_SOAK_MOVES=$(or $(N),1000) $(ctest) -V -L '^lab-soak$$'

.PHONY: test-asan
test-asan: setup-build ## unit, component and sim tests with AddressSanitizer and UndefinedBehaviorSanitizer
	@tests/sanitizers/run asan unit component sim

.PHONY: test-tsan
test-tsan: setup-build ## unit, component and sim tests with ThreadSanitizer
	@tests/sanitizers/run tsan unit component sim

.PHONY: test-sanitizers
test-sanitizers: test-asan test-tsan ## both

.PHONY: lint
lint: setup-build ## look at the sources: format, layers, includes, clang-tidy, shell, YAML, Python
	@$(support)/setup.sh house
	@tests/lint/lint

.PHONY: bench-outage
bench-outage: check-surroundings setup-parts ## how long a VM is not reachable while it moves, four ways, as table and picture (root); MOVES=10
	@$(support)/build.sh vnic-operator vnic-agent
	@$(support)/stack with tests/bench/outage/outage

.PHONY: fuzz
fuzz: setup-build ## libFuzzer with sanitizers: make fuzz TARGET=domain_xml SECONDS=60
	@$(support)/setup.sh fuzz
	@tests/fuzz/fuzz $(or $(TARGET),all) $(or $(SECONDS),60)

.PHONY: bench
bench: ## measure the operator, and a controller on Go's controller-runtime beside it (half an hour)
	@$(support)/setup.sh build bench control-plane
	@BUILD=build-bench tests/bench/build.sh
	@BUILD=build-bench tests/bench/bench

.PHONY: demo
demo: check-surroundings setup-parts ## watch two VMs with SR-IOV VFs move to another host (root); KEEP=1 leaves it up
	@$(support)/build.sh vnic-operator
	@tests/demo/demo

.PHONY: lab-up
lab-up: ## start two SR-IOV hosts to play with
	@$(support)/setup.sh lab
	@$(support)/lab/lab up

.PHONY: lab-down
lab-down: ## end them
	@$(support)/lab/lab down

.PHONY: lab-ssh
lab-ssh: ## a shell on a host: make lab-ssh HOST=host1
	@$(support)/lab/lab ssh $(or $(HOST),host1)

.PHONY: stack-up
stack-up: check-surroundings setup-parts ## start the hosts, a control plane and the operator
	@$(support)/build.sh vnic-operator
	@$(support)/stack up

.PHONY: stack-down
stack-down: ## end them
	@$(support)/stack down

.PHONY: format
format: ## format the C++ sources
	@git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format -i

.PHONY: clean
clean: ## remove build/; the caches stay
	@rm -rf $(build_dir)
