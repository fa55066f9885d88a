# The suites as targets. Included by the root Makefile after everything else; uses its variables.

# The suites that are one line (tests/module.mk), and those that need more and stand below.
PLAIN_SUITES := $(patsubst suite_%,%,$(filter suite_%,$(.VARIABLES)))
SUITES := $(PLAIN_SUITES) unit fuzz memory

# What is quick comes first, then whole programs and real tools, then the same again under the sanitizers.
FAST_SUITES := source harness unit sim crash
LAST_SUITES := fuzz memory
SLOW_SUITES := $(sort $(filter-out $(FAST_SUITES) $(LAST_SUITES),$(SUITES)))
SUITE_ORDER := $(FAST_SUITES) $(SLOW_SUITES) $(LAST_SUITES)
in_order = $(filter $(SUITES),$(1))
suite_name = $(1)$(patsubst %,-%,$(filter-out debug,$(MODE)))
# A make inside make shares the outer one's slots where there are any; the + of the recipes hands them over.
again = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: test-programs
test-programs: $(addprefix $(B)/,$(TEST_PROGRAMS))

# These two compile nothing.
NEEDS_NOTHING := source harness
define SUITE_RULE
.PHONY: check-$(1)
check-$(1): $(if $(filter $(NEEDS_NOTHING),$(1)),,all test-programs)
	@MODE=$(MODE) scripts/run-suite $(call suite_name,$(1)) $$(suite_$(1))
endef
$(foreach s,$(PLAIN_SUITES),$(eval $(call SUITE_RULE,$(s))))

CHOSEN_UNIT_TESTS := $(addprefix $(B)/,$(filter tests/unit/test_$(or $(T),%),$(UNIT_TESTS)))

.PHONY: check-unit
check-unit: $(CHOSEN_UNIT_TESTS) ## the unit tests; T=NAME: only tests/unit/test_NAME.c
	@scripts/run-cases $(call suite_name,unit) $(CHOSEN_UNIT_TESTS)

.PHONY: check-valgrind
check-valgrind: $(CHOSEN_UNIT_TESTS) ## the unit tests under valgrind
	@scripts/run-cases --under 'valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99' \
		unit-valgrind $(CHOSEN_UNIT_TESTS)

.PHONY: check-integration
check-integration: ## the suites that run whole programs and real tools
	+@status=0; for suite in $(SLOW_SUITES); do $(again) check-$$suite || status=1; done; exit $$status

# Under the sanitizers: in every `make test`, and when there is time.
ASAN_SUITES := $(call in_order,unit sim http start faults demo)
SOAK_SUITES := $(filter-out $(ASAN_SUITES) source harness life,$(SUITE_ORDER))

.PHONY: check-memory
check-memory: ## unit tests, simulation, hostile HTTP, faults and demo under the sanitizers; unit tests under valgrind
	+@status=0; \
	for suite in $(ASAN_SUITES); do $(again) MODE=asan check-$$suite || status=1; done; \
	$(again) MODE=debug check-valgrind || status=1; \
	exit $$status

.PHONY: soak
soak: ## what takes long: every other suite under the sanitizers
	@rm -rf build/report/results
	+@for suite in $(filter-out fuzz memory,$(SOAK_SUITES)); do $(again) MODE=asan check-$$suite || true; done; \
	scripts/summary $(addsuffix -asan,$(filter-out fuzz memory,$(SOAK_SUITES)))

.PHONY: check-fuzz
ifeq ($(MODE),fuzz)
check-fuzz: test-programs
	@scripts/run-fuzz fuzz $(addprefix $(B)/,$(notdir $(FUZZERS)))
else
check-fuzz: ## every kept input once through its fuzz target
	+@$(again) MODE=fuzz check-fuzz
endif

.PHONY: fuzz
fuzz: ## look for new inputs: make fuzz T=NAME SECS=60
	@test -f 'tests/fuzz/fuzz_$(T).c' || { echo 'usage: make fuzz T=NAME SECS=60, NAME one of: $(patsubst fuzz_%,%,$(notdir $(FUZZERS)))'; exit 1; }
	+@$(again) MODE=fuzz build/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz/corpus/$(T) build/fuzz/found tests/fuzz/corpora/$(T)
	@build/fuzz/fuzz_$(T) -max_total_time=$(or $(SECS),60) -timeout=10 -artifact_prefix=build/fuzz/found/$(T)- \
		build/fuzz/corpus/$(T) tests/fuzz/corpora/$(T)

# What a suite leaves in build/report/results when it is not named like the suite; the summary misses what is not there.
leaves_memory := $(addsuffix -asan,$(ASAN_SUITES)) unit-valgrind
# A suite that fails does not stop the others; the summary tells, and fails.
define run_suites
@rm -rf build/report/results
+@for suite in $(call in_order,$(1)); do $(again) check-$$suite || true; done; \
scripts/summary $(foreach s,$(call in_order,$(1)),$(or $(leaves_$(s)),$(s)))
endef

.PHONY: bench
bench: ## the figures, on a release build: build/report/bench.json; PART='speed github' only some; `make report` shows all
	+@$(again) MODE=release all test-programs
	@$(if $(PART),[ -z "$(filter-out github,$(PART))" ] ||) MODE=release python3 tests/bench/bench.py $(filter-out github,$(PART))
	@$(if $(PART),[ -z "$(filter github,$(PART))" ] ||) MODE=release python3 tests/bench/github.py

# The simulation computes, the others mostly wait for disks and processes: side by side they take as long as the longer.
.PHONY: check
check: ## the fast suites: source, unit, sim, crash
	@rm -rf build/report/results
	+@$(again) -k all test-programs || true
	+@nice $(again) check-sim & \
	for suite in $(filter-out sim,$(call in_order,$(FAST_SUITES))); do $(again) check-$$suite || true; done; \
	wait; scripts/summary $(call in_order,$(FAST_SUITES))

.PHONY: test
test: ## install what is missing, build, run every suite, say what passed
	@scripts/setup test
	+@$(again) -k all test-programs || true
	$(call run_suites,$(SUITE_ORDER))

.PHONY: coverage
coverage: ## which lines the unit tests and the simulation run: build/report/coverage.txt
	@command -v gcovr >/dev/null || { echo 'gcovr is missing; run: apt-get install gcovr'; exit 1; }
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	+@for suite in $(call in_order,unit sim); do $(again) MODE=cov check-$$suite || exit 1; done
	@mkdir -p build/report
	@gcovr --root . --exclude 'tests/' --sort-percentage -o build/report/coverage.txt build/cov
	@tail -n 4 build/report/coverage.txt; echo 'the whole table: build/report/coverage.txt'
