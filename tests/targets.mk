# The suites as targets. Included by the root Makefile after everything else; uses its variables.

# The suites that are one line (tests/module.mk), and those that need more and stand below.
PLAIN_SUITES := $(patsubst suite_%,%,$(filter suite_%,$(.VARIABLES)))
SUITES := $(PLAIN_SUITES) unit fuzz

# What is quick comes first, then whole programs and real tools, then the same again under the sanitizers.
FAST_SUITES := source harness unit sim crash
SLOW_SUITES := $(sort $(filter-out $(FAST_SUITES) fuzz,$(SUITES)))
SUITE_ORDER := $(FAST_SUITES) $(SLOW_SUITES) fuzz
ASAN_SUITES := unit sim http start faults demo
MEMORY_SUITES := $(addsuffix @asan,$(ASAN_SUITES)) valgrind
# The others under the sanitizers, when there is time; these three have no code of ours, or bring a sanitizer of their own.
SOAK_SUITES := $(addsuffix @asan,$(filter-out $(ASAN_SUITES) source harness life fuzz,$(SUITE_ORDER)))

# Suites run two at a time. What only computes gives way to what waits; what floods the machine or measures times has it for itself.
BEHIND_SUITES := unit sim valgrind fuzz
ALONE_SUITES := attacks http sandbox slots
side_by_side = scripts/run-suites --behind '$(BEHIND_SUITES)' --alone '$(ALONE_SUITES)' $(1)
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
	$(call build,debug)
	$(call run_suites,$(SLOW_SUITES))

.PHONY: check-memory
check-memory: ## unit tests, simulation, hostile HTTP, faults and demo under the sanitizers; unit tests under valgrind
	$(call build,debug asan)
	$(call run_suites,$(MEMORY_SUITES))

.PHONY: soak
soak: ## what takes long: every other suite under the sanitizers, with all that is left out elsewhere
	$(call build,asan)
	$(call run_suites,$(SOAK_SUITES),SLUICE_SLOW=1 SOAK=1)

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

# What cannot be built makes its suites fail; all of them are run, and the summary tells and fails.
build = +@for mode in $(1); do $(again) MODE=$$mode -k $$([ $$mode = fuzz ] || echo all) test-programs || true; done
leaves = $(patsubst valgrind,unit-valgrind,$(subst @,-,$(1)))
define run_suites
@rm -rf build/report/results
@$(2) $(call side_by_side,$(1)); scripts/summary $(call leaves,$(1))
endef

.PHONY: bench
bench: ## the figures, on a release build: build/report/bench.json; PART='speed github' only some; `make report` shows all
	+@$(again) MODE=release all test-programs
	@$(if $(PART),[ -z "$(filter-out github,$(PART))" ] ||) MODE=release python3 tests/bench/bench.py $(filter-out github,$(PART))
	@$(if $(PART),[ -z "$(filter github,$(PART))" ] ||) MODE=release python3 tests/bench/github.py

.PHONY: check
check: ## the fast suites: source, unit, sim, crash
	$(call build,debug)
	$(call run_suites,$(FAST_SUITES))

.PHONY: test
test: ## install what is missing, build, run every suite, say what passed
	@scripts/setup test
	+@$(again) MODE=release all # other warnings, and what people install
	$(call build,debug asan fuzz)
	$(call run_suites,$(SUITE_ORDER) $(MEMORY_SUITES))

.PHONY: coverage
coverage: ## which lines the unit tests and the simulation run: build/report/coverage.txt
	@command -v gcovr >/dev/null || { echo 'gcovr is missing; run: apt-get install gcovr'; exit 1; }
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	+@for suite in unit sim; do $(again) MODE=cov check-$$suite || exit 1; done
	@mkdir -p build/report
	@gcovr --root . --exclude 'tests/' --sort-percentage -o build/report/coverage.txt build/cov
	@tail -n 4 build/report/coverage.txt; echo 'the whole table: build/report/coverage.txt'
