# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   make                  build/mape-xdp
#   make install          PREFIX (/usr/local), DESTDIR
#   make deps             install what building and testing need (root)
#   make demo             the lab with real traffic (root; KEEP=1 leaves it standing), demo-clean
#   make check            all tests (root); check-unit (no root), check-packet, check-lab
#   make fuzz             every parser for FUZZ_SECONDS (60) each; FUZZ_SEED repeats a run
#   make check-kernels    load and packet tests on other kernels, emulated (root)
#   make bench-ports      many sessions over few ports, against nftables SNAT (root)
#   make bench            measure against floors and the kernel (root); bench-quick: two minutes
#   make bpfeb            compile the BPF programs for big-endian machines
#
# WITH_PROVISIONING=0 leaves out what asks rule servers, and with it libcurl.
# V=1 shows commands, WERROR=1 makes warnings errors, O=DIR builds elsewhere than in build/.
# CC is gcc or clang, CLANG compiles the BPF programs (clang, or clang-14 to clang-19).

VERSION := 0.1.0

O       ?= build
PREFIX  ?= /usr/local
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
# The strip tool of the same LLVM: clang-19 goes with llvm-strip-19.
LLVM_STRIP ?= $(patsubst clang%,llvm-strip%,$(notdir $(CLANG)))
# Debian keeps bpftool in sbin, which is not on every user's PATH; Ubuntu beside its kernel tools.
ifndef BPFTOOL
BPFTOOL := $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool) \
		       $(wildcard /usr/lib/linux-tools/*/bpftool) bpftool)
endif
PYTHON  ?= /usr/bin/python3
# Rule servers are asked by HTTP and DNS; a small router may do without.
WITH_PROVISIONING ?= 1
export CC CLANG LLVM_STRIP BPFTOOL PYTHON WITH_PROVISIONING
export MAPE_BUILD := $(abspath $(O))
export PYTHONDONTWRITEBYTECODE := 1

ifeq ($(V),1)
Q   :=
say  =
else
Q   := @
say  = @printf '  %-8s%s\n' '$(1)' '$(2)'
MAKEFLAGS += --no-print-directory
endif

WARN    := -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror)
ONLINE  := $(filter-out 0,$(WITH_PROVISIONING))
PKGS    := libbpf libxdp libmnl json-c $(if $(ONLINE),libcurl)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2> /dev/null)
LIBS    := $(PKG_LIBS) $(if $(ONLINE),-lresolv)
CFLAGS  ?= -O2 -g
MAPE_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DMAPE_VERSION='"$(VERSION)"' \
	-Iinclude -Iloader -I$(O)/gen $(if $(ONLINE),-DMAPE_PROVISIONING) \
	$(shell pkg-config --cflags $(PKGS) 2> /dev/null)
# The kernel fixes what callbacks take, used or not.
BPF_CFLAGS := -g -O2 -mcpu=v3 $(WARN) -Wno-unused-parameter
BPF_INCLUDES := -Iinclude -Ivmlinux -Ibpf
# Kernel headers need the C library's per-architecture directory, which clang does not
# search for the BPF target.
BPF_UAPI := -I/usr/include/$(shell $(CC) -print-multiarch 2> /dev/null)
DEPFLAGS = -MMD -MP -MF $@.d

BPF_SRC    := $(wildcard bpf/*.bpf.c)
RULE_SRC   := $(wildcard loader/rule/*.c)
MAIN_SRC   := $(wildcard loader/main.c)
ONLINE_SRC := $(if $(ONLINE),$(wildcard loader/provision/online/*.c))
LOADER_SRC := $(filter-out $(MAIN_SRC) $(RULE_SRC),$(wildcard loader/*.c loader/*/*.c)) $(ONLINE_SRC)

BPFEB_OBJ  := $(BPF_SRC:bpf/%.c=$(O)/bpfeb/%.o)
UNIT_BPF   := $(wildcard tests/unit/*.bpf.c)
SKELETONS  := $(BPF_SRC:bpf/%.bpf.c=$(O)/gen/%.skel.h)
UNIT_SKELS := $(UNIT_BPF:tests/unit/%.bpf.c=$(O)/gen/%.skel.h)
VECTORS    := $(if $(wildcard tests/data/gen-vectors.py),$(O)/gen/vectors.h)
RULE_OBJ   := $(RULE_SRC:%.c=$(O)/obj/%.o) \
	      $(if $(wildcard loader/data/gen-rules.py),$(O)/obj/gen/rule_table.o)
LOADER_OBJ := $(LOADER_SRC:%.c=$(O)/obj/%.o)
MAIN_OBJ   := $(MAIN_SRC:%.c=$(O)/obj/%.o)
FAULTS_OBJ := $(patsubst $(O)/obj/%,$(O)/obj-faults/%,$(MAIN_OBJ) $(LOADER_OBJ) $(RULE_OBJ))

UNIT_PROGS := $(patsubst tests/unit/%.c,$(O)/tests/%,\
		$(filter-out %.bpf.c,$(wildcard tests/unit/test_*.c)))
LAB_PROGS  := $(patsubst tests/lab/%.c,$(O)/tests/%,\
		$(filter-out %.bpf.c,$(wildcard tests/lab/*.c)))
LAB_BPF    := $(patsubst tests/lab/%.c,$(O)/tests/%.o,$(wildcard tests/lab/*.bpf.c))
PACKET_PROGS := $(patsubst tests/packet/%.c,$(O)/tests/%,\
		$(filter-out %.bpf.c,$(wildcard tests/packet/*.c)))
BENCH_PROGS := $(patsubst tests/bench/%.c,$(O)/tests/%,\
		$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
BENCH_BPF  := $(patsubst tests/bench/%.c,$(O)/tests/%.o,$(wildcard tests/bench/*.bpf.c))
UNIT_TESTS := $(UNIT_PROGS) $(UNIT_BPF:tests/unit/%.c=$(O)/tests/%.o)
ALL_TESTS  := $(UNIT_TESTS) $(LAB_PROGS) $(LAB_BPF) $(PACKET_PROGS) $(O)/tests/mape-xdp-faults

.DELETE_ON_ERROR:
.PRECIOUS: %/
.SUFFIXES:
.PHONY: all install clean deps demo demo-clean check check-unit check-packet check-lab \
	check-kernels bench bench-quick bench-ports bpfeb tests unit-tests lab-programs \
	bench-programs fuzz FORCE

all: $(O)/mape-xdp

# -- What decides how things are built: a change of it rebuilds them --------------------------

# $(call stamp,TEXT): rewrite the target only when its text changed.
define stamp
$(file >$@.new,$(1))$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef

# Looked at once, and whenever pkg-config misses a library.
$(O)/stamp/deps: tests/deps $(if $(PKG_LIBS),,FORCE) | $(O)/stamp/
	@tests/deps --check build
	@touch $@

$(O)/stamp/cc: FORCE | $(O)/stamp/
	$(call stamp,$(CC) $(CPPFLAGS) $(CFLAGS) $(MAPE_CFLAGS) $(LDFLAGS) $(LIBS))

$(O)/stamp/bpf: FORCE | $(O)/stamp/
	$(call stamp,$(CLANG) $(LLVM_STRIP) $(BPFTOOL) $(BPF_CFLAGS))

# Adding or deleting a source file changes what is linked.
$(O)/stamp/sources: FORCE | $(O)/stamp/
	$(call stamp,$(RULE_OBJ) $(LOADER_OBJ) $(MAIN_OBJ))

%/:
	$(Q)mkdir -p $@

# -- BPF ----------------------------------------------------------------------------------------

BPF_CC = $(CLANG) -target bpf $(BPF_CFLAGS) $(DEPFLAGS)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(O)/stamp/bpf | $(O)/bpf/ $(O)/stamp/deps
	$(call say,BPF,$@)
	$(Q)$(BPF_CC) $(BPF_INCLUDES) -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

$(O)/tests/%.bpf.o: tests/unit/%.bpf.c $(O)/stamp/bpf | $(O)/tests/ $(O)/stamp/deps
	$(call say,BPF,$@)
	$(Q)$(BPF_CC) $(BPF_INCLUDES) -c -o $@ $<
	$(Q)$(LLVM_STRIP) -g $@

# The lab's peers and the bench's floors are independent of bpf/: none of its headers are in their
# reach.
define uapi_bpf
$(call say,BPF,$@)
$(Q)$(BPF_CC) $(BPF_UAPI) -c -o $@ $<
$(Q)$(LLVM_STRIP) -g $@
endef

$(O)/tests/%.bpf.o: tests/lab/%.bpf.c $(O)/stamp/bpf | $(O)/tests/ $(O)/stamp/deps
	$(uapi_bpf)

$(O)/tests/%.bpf.o: tests/bench/%.bpf.c $(O)/stamp/bpf | $(O)/tests/ $(O)/stamp/deps
	$(uapi_bpf)

define skeleton
$(call say,SKEL,$@)
$(Q)$(BPFTOOL) gen skeleton $< name $* > $@
endef

$(SKELETONS): $(O)/gen/%.skel.h: $(O)/bpf/%.bpf.o | $(O)/gen/
	$(skeleton)

$(UNIT_SKELS): $(O)/gen/%.skel.h: $(O)/tests/%.bpf.o | $(O)/gen/
	$(skeleton)

bpfeb: $(BPFEB_OBJ)

$(O)/bpfeb/%.bpf.o: bpf/%.bpf.c $(O)/stamp/bpf | $(O)/bpfeb/ $(O)/stamp/deps
	$(call say,BPFEB,$@)
	$(Q)$(CLANG) -target bpfeb $(BPF_CFLAGS) $(DEPFLAGS) $(BPF_INCLUDES) -c -o $@ $<

# -- The command --------------------------------------------------------------------------------

$(O)/gen/rule_table.c: loader/data/gen-rules.py loader/data/rules.csv | $(O)/gen/ $(O)/stamp/deps
	$(call say,GEN,$@)
	$(Q)$(PYTHON) $^ > $@

USER_CC = $(CC) $(CPPFLAGS) $(MAPE_CFLAGS) $(CFLAGS) $(DEPFLAGS)

define compile
$(call say,CC,$@)
$(Q)mkdir -p $(@D)
$(Q)$(USER_CC) $(1) -c -o $@ $<
endef

$(O)/obj/%.o: %.c $(O)/stamp/cc | $(SKELETONS) $(O)/stamp/deps
	$(call compile)

$(O)/obj/gen/%.o: $(O)/gen/%.c $(O)/stamp/cc | $(O)/stamp/deps
	$(call compile)

$(O)/obj-faults/%.o: %.c $(O)/stamp/cc | $(SKELETONS) $(O)/stamp/deps
	$(call compile,-DMAPE_FAULTS)

$(O)/obj-faults/gen/%.o: $(O)/gen/%.c $(O)/stamp/cc | $(O)/stamp/deps
	$(call compile,-DMAPE_FAULTS)

define archive
$(call say,AR,$@)
$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

# The rule library stands alone: arithmetic without I/O, globals or any of the libraries.
$(O)/libmaperule.a: $(RULE_OBJ) $(O)/stamp/sources
	$(archive)

$(O)/libmape.a: $(LOADER_OBJ) $(O)/stamp/sources
	$(archive)

define link
$(call say,LINK,$@)
$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1) -Wl,--as-needed $(LIBS)
endef

$(O)/mape-xdp: $(MAIN_OBJ) $(O)/libmape.a $(O)/libmaperule.a
	$(call link)

install: all
	install -D -m 755 $(O)/mape-xdp $(DESTDIR)$(PREFIX)/sbin/mape-xdp
	install -D -m 644 docs/mape-xdp.8 $(DESTDIR)$(PREFIX)/share/man/man8/mape-xdp.8

clean:
	$(Q)rm -rf $(O)

# -- Test programs ------------------------------------------------------------------------------

$(O)/gen/vectors.h: tests/data/gen-vectors.py tests/data/vectors.csv | $(O)/gen/ $(O)/stamp/deps
	$(call say,GEN,$@)
	$(Q)$(PYTHON) $^ > $@

$(O)/obj/tests/unit/%.o: tests/unit/%.c $(O)/stamp/cc | $(SKELETONS) $(UNIT_SKELS) $(VECTORS) \
		$(O)/stamp/deps
	$(call compile)

$(UNIT_PROGS): $(O)/tests/%: $(O)/obj/tests/unit/%.o $(O)/libmape.a $(O)/libmaperule.a | $(O)/tests/
	$(call link,-lcmocka)

$(PACKET_PROGS): $(O)/tests/%: $(O)/obj/tests/packet/%.o $(O)/libmape.a $(O)/libmaperule.a \
		| $(O)/tests/
	$(call link)

$(BENCH_PROGS): $(O)/tests/%: $(O)/obj/tests/bench/%.o $(O)/libmape.a $(O)/libmaperule.a | $(O)/tests/
	$(call link)

# Single files, which share no code with the command.
$(LAB_PROGS): $(O)/tests/%: $(O)/obj/tests/lab/%.o | $(O)/tests/
	$(call link)

# The command with failure points that tests can trigger.
$(O)/tests/mape-xdp-faults: $(FAULTS_OBJ) $(O)/stamp/sources | $(O)/tests/
	$(call link)

bench-programs: all $(BENCH_PROGS) $(BENCH_BPF)
unit-tests: all bpfeb $(UNIT_TESTS)
lab-programs: all $(LAB_PROGS) $(LAB_BPF)
tests: all bpfeb $(ALL_TESTS)

# -- Fuzzing ------------------------------------------------------------------------------------
#
# Parsers with sanitizers, driven by libFuzzer if clang has it, else by tests/fuzz/driver.c.

FUZZ_SECONDS ?= 60
FUZZ_ENGINE := $(O)/fuzz/engine
FUZZ_SRC := $(filter-out %/cache.c %/find.c %/ask.c %/source.c %/s46_input.c,\
		$(wildcard loader/provision/*.c)) $(filter %/dns_parse.c,$(ONLINE_SRC)) \
	    loader/err.c $(RULE_SRC)
FUZZ_OBJ := $(FUZZ_SRC:%.c=$(O)/obj-fuzz/%.o) $(O)/obj-fuzz/gen/rule_table.o
FUZZ_TARGETS := $(filter-out driver $(if $(ONLINE),,dns),\
		  $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_PROGS := $(FUZZ_TARGETS:%=$(O)/fuzz/%)

# libFuzzer is a part of LLVM that not every clang comes with: tried by linking.
$(FUZZ_ENGINE): $(O)/stamp/bpf | $(O)/fuzz/
	$(Q)echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
		$(CLANG) -fsanitize=fuzzer,address -x c - -o $@.try 2> /dev/null && \
		echo libfuzzer > $@ || echo driver > $@; rm -f $@.try

# $(1): what libFuzzer adds for an object, or for the program
fuzz_cc = if [ "$$(cat $(FUZZ_ENGINE))" = libfuzzer ]; then set -- $(CLANG) -fsanitize=$(1); \
	  else set -- $(CC); fi; \
	  "$$@" $(MAPE_CFLAGS) -Itests/fuzz $(DEPFLAGS) -fsanitize=address,undefined \
	  -fno-sanitize-recover=all -g -O1

define fuzz_object
$(call say,FUZZ,$@)
$(Q)mkdir -p $(@D); $(call fuzz_cc,fuzzer-no-link) -c -o $@ $<
endef

$(O)/obj-fuzz/%.o: %.c $(FUZZ_ENGINE) $(O)/stamp/cc | $(O)/stamp/deps
	$(fuzz_object)

$(O)/obj-fuzz/gen/%.o: $(O)/gen/%.c $(FUZZ_ENGINE) $(O)/stamp/cc | $(O)/stamp/deps
	$(fuzz_object)

$(FUZZ_PROGS): $(O)/fuzz/%: $(O)/obj-fuzz/tests/fuzz/%.o $(O)/obj-fuzz/tests/fuzz/driver.o $(FUZZ_OBJ)
	$(call say,LINK,$@)
	$(Q)if [ "$$(cat $(FUZZ_ENGINE))" = libfuzzer ]; then \
		set -- $(CLANG) -fsanitize=fuzzer $(filter-out %/driver.o,$^); \
	else \
		set -- $(CC) $^; \
	fi; \
	"$$@" -fsanitize=address,undefined -o $@ -Wl,--as-needed $(LIBS)

# -- Things to run ------------------------------------------------------------------------------
#
# Each first sees to its dependencies and then starts make again, because what is found at
# start (libraries, bpftool) may only now be there.

root = @[ "$$(id -u)" = 0 ] || { echo "make $@ needs root: sudo make $@" >&2; exit 1; }
# What root builds in a user's checkout stays the user's.
give_back = @[ "$$(id -u)" != 0 ] || [ ! -d $(O) ] || chown -R --reference=Makefile $(O)

deps:
	@tests/deps build test

demo:
	$(root)
	@tests/deps build test
	$(Q)$(MAKE) lab-programs
	$(give_back)
	@KEEP=$(KEEP) tests/lab/demo

demo-clean:
	$(root)
	@tests/lab/demo clean

check:
	$(root)
	@tests/deps build test
	$(Q)$(MAKE) tests
	$(give_back)
	@tests/run

check-unit:
	@tests/deps build test
	$(Q)$(MAKE) unit-tests
	@tests/run unit

check-packet check-lab: check-%:
	$(root)
	@tests/deps build test
	$(Q)$(MAKE) tests
	$(give_back)
	@tests/run $*

fuzz:
	@tests/deps build
	$(Q)$(MAKE) $(FUZZ_PROGS)
	@tests/fuzz/run $(FUZZ_SECONDS)

check-kernels:
	$(root)
	@tests/deps build test kernels
	$(Q)$(MAKE) tests
	$(give_back)
	@tests/kernels/run

bench-ports:
	$(root)
	@tests/deps build test
	$(Q)$(MAKE) lab-programs
	$(give_back)
	@ret=0; tests/bench/ports || ret=$$?; chown -R --reference=Makefile $(O); exit $$ret

bench bench-quick:
	$(root)
	@tests/deps build test $(if $(filter bench,$@),kernels)
	$(Q)$(MAKE) bench-programs lab-programs
	$(give_back)
	@tests/bench/bench.py $(if $(filter bench-quick,$@),--quick)
	$(give_back)

-include $(shell find $(O) -path $(O)/kernels -prune -o -type f -name '*.d' -print 2> /dev/null)
