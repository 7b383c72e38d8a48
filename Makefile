# SPDX-License-Identifier: GPL-3.0-or-later
# wattstep: `make run` measures this node, `make check` tests the program.

VERSION := $(shell cat VERSION)
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O2 -g
PYTHON  ?= /usr/bin/python3
V       ?= 0

PACKAGES := jansson hwloc gsl libgcrypt libfreeipmi
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
	    -Wformat=2 -Wundef -Wwrite-strings -Wimplicit-fallthrough
ALL_CPPFLAGS = -I. -D_GNU_SOURCE -DWATTSTEP_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS = -std=c17 $(WARNINGS) $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
ALL_LIBS = $(shell pkg-config --libs $(PACKAGES)) -lm $(LIBS)

ROOMS   := harness harness/base workloads profiles results
SOURCES := $(wildcard $(ROOMS:%=%/*.c))
DATA    := $(sort $(wildcard workloads/states/*.json workloads/plans/*.json workloads/*.schema.json profiles/*.schema.json))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/embedded.o
LIBRARY := $(BUILD)/libwattstep.a
PROGRAM := $(BUILD)/wattstep

TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard $(ROOMS:%=tests/%/test_*.c)))
PLUGINS := $(BUILD)/tests/rigs/bmc_dcmi.so
RIGS    := $(PLUGINS) $(patsubst %.c,$(BUILD)/%,$(filter-out $(PLUGINS:$(BUILD)/%.so=%.c),$(wildcard tests/rigs/*.c)))
SIMULATE := $(BUILD)/tests/simulate/simulate
MANUALS := $(patsubst docs/man/%.md,$(BUILD)/man/%,$(wildcard docs/man/*.md))

ifeq ($(V),0)
say = @echo "  $(1)"; 
endif

.PHONY: all run deps deps-check check sanitize simulate lint coverage install clean man
.DELETE_ON_ERROR:

all: $(PROGRAM)

# Statuses 10 to 12: the profile is written, and says which state is not stable.
run: deps
	@$(MAKE) --no-print-directory -s all
	$(PROGRAM) run --plan quick --sim-if-absent || case $$? in 10|11|12) ;; *) exit $$? ;; esac

deps:
	@./deps.sh build run

deps-check:
	@./deps.sh build run check

check: deps-check
	@$(MAKE) --no-print-directory check-only

# What `check` runs once everything is installed.
.PHONY: check-only
check-only: $(PROGRAM) $(TESTS) $(RIGS)
	$(PYTHON) tests/run.py --build $(BUILD)

# The program and the kernel's own drivers, in a virtual machine: tests/vm/machine.py.
.PHONY: check-vm
check-vm:
	@./deps.sh build run check vm
	@rm -rf $(BUILD)/vm/jobs
	@$(MAKE) --no-print-directory -s all
	$(PYTHON) tests/run.py --build $(BUILD) --vm

# The unit tests again under the address and undefined-behaviour sanitizers, and the program in them.
sanitize: deps-check
	@$(MAKE) --no-print-directory BUILD=build/sanitize CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" sanitize-only

.PHONY: sanitize-only
sanitize-only: $(PROGRAM) $(TESTS) $(RIGS)
	$(PYTHON) tests/run.py --build $(BUILD) --quick

# The judge over thousands of synthetic states, in simulated time: docs/method.md has the table.
simulate: $(SIMULATE)
	$(SIMULATE)

lint: deps-check
	tests/lint.sh

coverage: deps-check
	@$(MAKE) --no-print-directory BUILD=build/coverage CFLAGS="-O0 -g --coverage" coverage-only

.PHONY: coverage-only
coverage-only: $(PROGRAM) $(TESTS) $(RIGS)
	$(PYTHON) tests/run.py --build $(BUILD)
	lcov -q -c -d $(BUILD) --include '$(CURDIR)/*' --exclude '$(CURDIR)/tests/*' -o $(BUILD)/coverage.info
	lcov --list $(BUILD)/coverage.info

man: $(MANUALS)

install: $(PROGRAM) $(MANUALS)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/wattstep
	for page in $(MANUALS); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man1/$${page##*/} || exit 1; done
	for page in README.md docs/method.md docs/profile.md $(filter %.schema.json,$(DATA)); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/doc/wattstep/$${page##*/} || exit 1; done

clean:
	rm -rf $(BUILD)

$(PROGRAM): $(BUILD)/harness/main.o $(LIBRARY)
	$(call say,LINK $@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(LIBRARY): $(filter-out $(BUILD)/harness/main.o,$(OBJECTS))
	$(call say,AR   $@)rm -f $@ && ar rcs $@ $^

$(BUILD)/embedded.c: harness/base/embed.sh $(DATA)
	$(call say,DATA $@)mkdir -p $(@D) && harness/base/embed.sh $(DATA) > $@

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	$(call say,CC   $<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.c
	$(call say,CC   $<)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/rigs/%: tests/rigs/%.c
	$(call say,RIG  $@)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -o $@ $< \
		$(shell pkg-config --cflags --libs fuse3) $(LDFLAGS) -lm -lpthread

# Loaded by ipmi_sim, which knows nothing of sanitizers and brings the functions that it calls.
$(BUILD)/tests/rigs/%.so: tests/rigs/%.c
	$(call say,RIG  $@)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(filter-out -fsanitize=%,$(ALL_CFLAGS)) -MMD -MP \
		-fPIC -shared -o $@ $< $(filter-out -fsanitize=%,$(LDFLAGS)) -lm -lpthread

$(BUILD)/tests/%: tests/%.c $(LIBRARY)
	$(call say,TEST $@)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -o $@ $< \
		$(LIBRARY) $(LDFLAGS) $(ALL_LIBS) -lcmocka

$(BUILD)/man/%: docs/man/%.md
	$(call say,MAN  $@)mkdir -p $(@D) && pandoc -s -f markdown -t man -M footer="wattstep $(VERSION)" -o $@ $<

-include $(OBJECTS:.o=.d) $(TESTS:=.d) $(RIGS:=.d) $(PLUGINS:.so=.d) $(SIMULATE).d
