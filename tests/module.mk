# What the tests are made of. A file of these folders is a program of its own that says on its first line what it links:
#
#   /* links: lib lib_loop */
#
# tests/unit/test_*.c become build/MODE/tests/unit/test_*, run by `make check-unit`; tests/bench/*.c likewise, run by the
# benches; tests/fuzz/fuzz_*.c become build/fuzz/fuzz_* (MODE=fuzz only), run by `make check-fuzz` and `make fuzz`.
#
# A suite is one line, here or in its own folder's module.mk. It may use every program, and its target is check-NAME:
#
#   suite_NAME = COMMAND... ## what `make help` says
#
# How it tells its results: scripts/run-suite. The order of the suites: tests/targets.mk.

# What several tests use; of its files only those are linked that a program calls
ARCHIVES += testcases
testcases_SRCS := $(wildcard tests/lib/*.c)
testcases_PKGS := jansson

UNIT_TESTS := $(patsubst %.c,%,$(wildcard tests/unit/test_*.c))
BENCHES := $(patsubst %.c,%,$(wildcard tests/bench/*.c))
FUZZERS := $(patsubst %.c,%,$(wildcard tests/fuzz/fuzz_*.c))

# "tests/unit/test_err:lib,lib_loop", one word a file; a file without that line is not built, and check-source says so
LINKS := $(shell awk 'FNR == 1 && /^\/\* links: [a-z_ ]*\*\/$$/ { sub(/\.c$$/, "", FILENAME); \
	gsub(/^\/\* links: | *\*\/$$/, ""); gsub(/ +/, ","); print FILENAME ":" $$0 }' \
	$(addsuffix .c,$(UNIT_TESTS) $(BENCHES) $(FUZZERS)) /dev/null)
comma := ,
declared = $(foreach t,$(1),$(if $(filter $(t):%,$(LINKS)),$(t)))
UNIT_TESTS := $(call declared,$(UNIT_TESTS))
BENCHES := $(call declared,$(BENCHES))
FUZZERS := $(call declared,$(FUZZERS))
links = $(subst $(comma), ,$(patsubst $(1):%,%,$(filter $(1):%,$(LINKS))))

define UNIT_TEST
TEST_PROGRAMS += $(1)
$(1)_MAIN := $(1).c
$(1)_USES := testcases $(call links,$(1)) $(if $(filter lib,$(call links,$(1))),,lib)
$(1)_LIBS := -lcmocka
endef
define BENCH
TEST_PROGRAMS += $(1)
$(1)_MAIN := $(1).c
$(1)_USES := $(call links,$(1))
endef
define FUZZER
TEST_PROGRAMS += $(notdir $(1))
$(notdir $(1))_MAIN := $(1).c
$(notdir $(1))_USES := $(call links,$(1))
$(notdir $(1))_LDFLAGS := -fsanitize=fuzzer
endef
ifeq ($(MODE),fuzz)
$(foreach t,$(FUZZERS),$(eval $(call FUZZER,$(t))))
else
$(foreach t,$(UNIT_TESTS),$(eval $(call UNIT_TEST,$(t))))
$(foreach t,$(BENCHES),$(eval $(call BENCH,$(t))))
endif

suite_source = scripts/check-source ## layers, banned functions, sizes, formatting, spelling, shell; compiles nothing
suite_harness = tests/lib/check_scripts.py ## the scripts that check and count
