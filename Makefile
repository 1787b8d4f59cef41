# wallgap: build, run, test. `make help` lists the targets.
#
#   bpf/*.bpf.c        --clang-->  build/bpf/*.o  --bpftool link-->  build/wallgap.bpf.o  -->  wallgap.skel.h
#   user/**/*.c        --cc----->  build/wallgap (copied to ./wallgap)
#   workloads/native/  --cc----->  build/wallgap-native      the C runner
#   workloads/planted/ --cc----->  build/planted/NAME        programs with known amounts, for the tests
#   workloads/bun/     --npm---->  build/bun/bun             the runtime Bun, by make deps
#
# V=1 shows the commands; WERROR=1 makes warnings errors; SAN=1 builds user space with ASan and UBSan, in a
# folder of its own (build/san), and copies that program to ./wallgap.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
B := build
S := $(B)/san# with ASan and UBSan: see tests/tests.mk
PREFIX ?= /usr/local
DESTDIR ?=
LIBEXEC = $(DESTDIR)$(PREFIX)/libexec/wallgap
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# The newest clang found wins; CLANG=... overrides. Any from 14 on will do.
CLANG ?= $(firstword $(foreach v,25 24 23 22 21 20 19 18 17 16 15 14,$(shell command -v clang-$(v) 2>/dev/null)) clang)
# Ubuntu's bpftool in PATH serves only the kernel it came with; the one under linux-tools, any.
BPFTOOL ?= $(firstword $(lastword $(sort $(wildcard /usr/lib/linux-tools/*/bpftool))) \
	   $(shell command -v bpftool 2>/dev/null) $(wildcard /usr/sbin/bpftool) bpftool)
CC = gcc
PKGS := libbpf libdw libelf sqlite3 smartcols jansson capstone liblzma zlib libcap-ng libseccomp

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
USER_FLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DWALLGAP_VERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"' \
	     -Ibpf -Iuser -I$(B) -MMD -MP
# Of the program and the C runner, not of the tests' programs. _FORTIFY_SOURCE is for optimised code.
OPTIMISED = $(filter-out -O0,$(filter -O%,$(CFLAGS)))
HARDEN_CFLAGS = -fPIE -fstack-protector-strong -fstack-clash-protection \
		$(if $(OPTIMISED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDEN_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -liberty

# task.bpf.c defines what the others share and is linked first: libbpf 1.1's linker takes a wrong
# offset for a map or variable whose extern it meets before the definition.
BPF_SRC := bpf/task.bpf.c $(filter-out bpf/task.bpf.c,$(wildcard bpf/*.bpf.c))
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.o)
USER_SRC := $(sort $(wildcard user/*.c user/*/*.c))
USER_OBJ := $(USER_SRC:%.c=$(B)/%.o)
# What runs without a kernel: the part that unit and golden tests link.
PURE_OBJ := $(filter $(B)/user/base/% $(B)/user/model/% $(B)/user/store/% $(B)/user/report/%,$(USER_OBJ))
NATIVE_SRC := $(wildcard workloads/native/*.c)
NATIVE_OBJ := $(NATIVE_SRC:%.c=$(B)/%.o)
GAPS_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard workloads/planted/gaps/*.c))
PLANTED := $(patsubst workloads/planted/%.c,$(B)/planted/%,$(wildcard workloads/planted/*.c))

.PHONY: all FORCE
all: wallgap $(B)/wallgap-native $(PLANTED)

# --- BPF ---

$(B)/bpf/%.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Werror -Wno-unknown-attributes \
		-Ivmlinux -Ibpf -MMD -MP -MF $(@:.o=.d) -c $< -o $@

$(B)/wallgap.bpf.o: $(BPF_OBJ)
	$(call say,LINK,$@)$(BPFTOOL) gen object $@ $^

$(B)/wallgap.skel.h: $(B)/wallgap.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name wallgap_bpf > $@

# --- user space ---

$(filter $(B)/user/collect/%,$(USER_OBJ)): | $(B)/wallgap.skel.h

$(B)/user/%.o: user/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(HARDEN_CFLAGS) $(USER_FLAGS) $(PKG_CFLAGS) -c $< -o $@

$(B)/wallgap: $(USER_OBJ)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) $^ -o $@ $(PKG_LIBS) -lm -lpthread

# By what is in it, not by when: the two builds take turns.
wallgap: $(if $(SAN),$(S),$(B))/wallgap FORCE
	$(Q)cmp -s $< $@ || { rm -f $@ && cp $< $@; }

# --- workloads ---

$(B)/workloads/native/%.o: workloads/native/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(HARDEN_CFLAGS) $(USER_FLAGS) $(PKG_CFLAGS) -c $< -o $@

$(B)/workloads/%.o: workloads/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(USER_FLAGS) $(PKG_CFLAGS) -c $< -o $@

$(B)/wallgap-native: $(NATIVE_OBJ)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(HARDEN_LDFLAGS) $(LDFLAGS) $^ -o $@ -ljansson -lcrypto -lm -lpthread

$(B)/planted/%: $(B)/workloads/planted/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $^ -o $@ -lm -lpthread

$(B)/planted/gaps: $(GAPS_OBJ)

-include tests/tests.mk tests/bench/bench.mk

-include $(BPF_OBJ:.o=.d) $(USER_OBJ:.o=.d) $(NATIVE_OBJ:.o=.d) \
	 $(wildcard $(B)/workloads/planted/*.d $(B)/workloads/planted/*/*.d)

# --- what people call ---

.PHONY: deps run test test-vm bench lint install clean help

deps: ## install what is missing to run, from Debian's or Ubuntu's packages, Bun from npm; WITH=test: to test
	$(Q)sh tests/deps.sh build runtimes $(filter test bench vm,$(WITH))

run: deps ## set up, build, and run the main job: the pools, watched and compared
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(SUDO) ./wallgap bench $(ARGS)

install: all ## install the program and the runners under PREFIX (/usr/local)
	install -D -m 755 wallgap $(DESTDIR)$(PREFIX)/bin/wallgap
	install -D -m 755 $(B)/wallgap-native $(LIBEXEC)/wallgap-native
	install -d $(LIBEXEC)/node $(LIBEXEC)/bun
	install -m 644 $(wildcard workloads/node/*.mjs) $(LIBEXEC)/node
	install -m 644 $(wildcard workloads/bun/*.mjs) $(LIBEXEC)/bun
	chmod 755 $(LIBEXEC)/node/runner.mjs $(LIBEXEC)/bun/runner.mjs
	if [ -x $(B)/bun/bun ]; then install -m 755 $(B)/bun/bun $(LIBEXEC)/bun/bun; fi
	install -D -m 644 workloads/protocol.md $(DESTDIR)$(PREFIX)/share/doc/wallgap/protocol.md
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/wallgap/README.md
	install -D -m 644 user/wallgap.1 $(DESTDIR)$(PREFIX)/share/man/man1/wallgap.1

clean: ## remove everything built
	rm -rf $(B) wallgap

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 12
