# One graph: this file holds the flags and the targets, each folder's module.mk says what stands in it.
# `make help` lists the targets. MODE is debug (default), release, asan, tsan, cov or fuzz; CC may be gcc or clang.

MODE ?= debug
B := build/$(MODE)
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(MODE)),clang,gcc)
endif
IS_CLANG := $(findstring clang,$(CC))

# ---- flags -----------------------------------------------------------------------------------------------------------
PACKAGES := libuv libmicrohttpd libcurl jansson yaml-0.1 libcrypto sqlite3 libgit2 libpcre2-8 libseccomp
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wformat=2 -Wshadow -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wcast-align -Wundef -Wdate-time -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Werror
WARNINGS += $(if $(IS_CLANG),-Wno-gnu-statement-expression,-Wimplicit-fallthrough=5 -Wlogical-op -Wduplicated-cond)
TEST_WARNINGS := $(filter-out -Wconversion -Wno-sign-conversion -Wmissing-prototypes,$(WARNINGS))

HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
HARD_LINK := -pie -Wl,-z,relro,-z,now -Wl,--as-needed

CFLAGS_debug   := -O1 -g -DSLUICE_FAULTS $(HARDENING) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS_release := -O2 -g $(HARDENING) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(IS_CLANG),2,3) -ffunction-sections -fdata-sections
CFLAGS_asan    := -O1 -g -DSLUICE_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
CFLAGS_tsan    := -O1 -g -DSLUICE_FAULTS -fsanitize=thread -fPIE
CFLAGS_cov     := -O0 -g -DSLUICE_FAULTS --coverage -fPIE
CFLAGS_fuzz    := -O1 -g -DSLUICE_FAULTS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
LDFLAGS_debug   := $(HARD_LINK)
LDFLAGS_release := $(HARD_LINK) -Wl,--gc-sections
LDFLAGS_asan    := -pie -fsanitize=address,undefined -Wl,--as-needed
LDFLAGS_tsan    := -pie -fsanitize=thread -Wl,--as-needed
LDFLAGS_cov     := -pie --coverage -Wl,--as-needed
LDFLAGS_fuzz    := -pie -fsanitize=address,undefined -Wl,--as-needed

VERSION := 0.1.0
CPPFLAGS := -I. -D_GNU_SOURCE -DSLUICE_VERSION='"$(VERSION)"'
CFLAGS := -std=gnu17 $(CFLAGS_$(MODE))
LDFLAGS := $(LDFLAGS_$(MODE))

# ---- what stands where -----------------------------------------------------------------------------------------------
# A module.mk adds to ARCHIVES (name), NAME_SRCS, NAME_PKGS; to PROGRAMS, NAME_MAIN, NAME_USES, NAME_LIBS.
ARCHIVES :=
PROGRAMS :=
TEST_PROGRAMS :=
MODULES := $(sort $(wildcard */module.mk */*/module.mk))
include $(MODULES)

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
archive = $(patsubst %,$(B)/lib/%.a,$(1))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

# Made anew also when what belongs to it may have changed.
define ARCHIVE_RULE
$(B)/lib/$(1).a: $(call objects,$($(1)_SRCS)) $(MODULES)
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR,$$@)
	@$$(AR) rcs $$@ $$(filter %.o,$$^)
$(call objects,$($(1)_SRCS)): MODULE_FLAGS := $(call pkg,--cflags,$($(1)_PKGS))
endef
define PROGRAM_RULE
$(B)/$(1): $(call objects,$($(1)_MAIN)) $(call archive,$($(1)_USES))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	@$$(CC) $$(CFLAGS) $$(LDFLAGS) $($(1)_LDFLAGS) -o $$@ $(call objects,$($(1)_MAIN)) \
		-Wl,--start-group $(call archive,$($(1)_USES)) -Wl,--end-group \
		$(call pkg,--libs,$(sort $(foreach a,$($(1)_USES),$($(a)_PKGS)))) $($(1)_LIBS)
$(call objects,$($(1)_MAIN)): MODULE_FLAGS := $(call pkg,--cflags,$(sort $(foreach a,$($(1)_USES),$($(a)_PKGS))))
endef
say = @printf '  %-5s %s\n' $(1) $(2)

$(foreach a,$(ARCHIVES),$(eval $(call ARCHIVE_RULE,$(a))))
$(foreach p,$(PROGRAMS) $(TEST_PROGRAMS),$(eval $(call PROGRAM_RULE,$(p))))

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	@$(CC) $(CPPFLAGS) $(if $(filter tests/%,$<),$(TEST_WARNINGS),$(WARNINGS)) $(CFLAGS) $(MODULE_FLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- targets ---------------------------------------------------------------------------------------------------------
.PHONY: all
all: $(addprefix $(B)/,$(PROGRAMS)) ## the three executables in build/MODE/

include scripts/targets.mk
include tests/targets.mk
