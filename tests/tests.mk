# Tests and checks; included by the Makefile. Every suite ends with a line
#   SUITE <name>: N passed, N failed, N skipped
# which tests/run-all.sh adds up.
#
#   tests/unit/test_*.c   --cc, ASan, UBSan-->  build/san/unit/test_*    cmocka, one program a file
#   tests/golden/*.c      --cc, ASan, UBSan-->  build/san/golden/*       recordings and renderer
#   tests/fuzz/fuzz_*.c   --clang, libFuzzer->  build/fuzz/fuzz_*        one program a file
#   user/**/*.c           --cc, ASan, UBSan-->  build/san/wallgap        the program, for a part of the live tests
#   tests/runners/run.py  plays the loader for the runners of workloads/

TEST_SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# -O1 keeps the sanitizers' builds quick and their traces readable
TEST_CFLAGS = -O1 -g -std=gnu11 $(WARN) -D_GNU_SOURCE -DWALLGAP_VERSION='"$(VERSION)"' \
	      -DPREFIX='"$(PREFIX)"' -Ibpf -Iuser -Itests -I$(B) -MMD -MP $(TEST_SAN_FLAGS) $(PKG_CFLAGS)

# All of user space that needs neither a BPF object nor a command line; of the collector what is data.
TEST_LIB_SRC := $(sort $(foreach d,base model store report runner host unwind symbol capture,$(wildcard user/$(d)/*.c))) \
		$(foreach f,dispatch module profile regions rows,user/collect/$(f).c)
TEST_LIB_OBJ := $(TEST_LIB_SRC:%.c=$(S)/%.o)
UNIT_BIN := $(patsubst tests/unit/%.c,$(S)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
GOLDEN_BIN := $(S)/golden/cases $(S)/golden/render
FORMAT_DIRS := bpf user workloads tests

$(S)/user/%.o: user/%.c
	@mkdir -p $(@D)
	$(call say,CCSAN,$<)$(CC) $(TEST_CFLAGS) -c $< -o $@

$(S)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,CCSAN,$<)$(CC) $(TEST_CFLAGS) -c $< -o $@

# Also what tests/unit/*.c share: all that is not a program of its own.
TEST_SHARED_OBJ := $(patsubst %.c,$(S)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

$(S)/libtest.a: $(TEST_LIB_OBJ) $(TEST_SHARED_OBJ)
	$(Q)rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

SAN_OBJ := $(USER_SRC:%.c=$(S)/%.o)
$(filter $(S)/user/collect/%,$(SAN_OBJ)): | $(B)/wallgap.skel.h

$(S)/wallgap: $(SAN_OBJ)
	$(call say,LINK,$@)$(CC) $(TEST_SAN_FLAGS) $^ -o $@ $(PKG_LIBS) -lm -lpthread

$(S)/unit/%: $(S)/tests/unit/%.o $(S)/libtest.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(TEST_SAN_FLAGS) $^ -o $@ -lcmocka $(PKG_LIBS) -lm -lpthread

$(S)/golden/%: $(S)/tests/golden/%.o $(S)/libtest.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(TEST_SAN_FLAGS) $^ -o $@ $(PKG_LIBS) -lm -lpthread

.PRECIOUS: $(S)/user/%.o $(S)/tests/%.o

# Fuzz targets get the parsers of files that others wrote, built a third time: for libFuzzer.
F := $(B)/fuzz
FUZZ_SECONDS ?= 60
FUZZ_SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS = $(subst $(TEST_SAN_FLAGS),$(FUZZ_SAN_FLAGS) -fsanitize=fuzzer-no-link,$(TEST_CFLAGS))
FUZZ_LIB_SRC := $(sort $(foreach d,base unwind symbol,$(wildcard user/$(d)/*.c)))
FUZZ_LIB_OBJ := $(FUZZ_LIB_SRC:%.c=$(F)/%.o)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(F)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# clang comes without libFuzzer on some systems.
FUZZ_PROBE = echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	     $(CLANG) -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null

$(F)/user/%.o: user/%.c
	@mkdir -p $(@D)
	$(call say,CCFUZZ,$<)$(CLANG) $(FUZZ_CFLAGS) -c $< -o $@

$(F)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,CCFUZZ,$<)$(CLANG) $(FUZZ_CFLAGS) -c $< -o $@

$(F)/libfuzz.a: $(FUZZ_LIB_OBJ)
	$(Q)rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(F)/fuzz_%: $(F)/tests/fuzz/fuzz_%.o $(F)/tests/fuzz/seeds.o $(F)/libfuzz.a
	$(call say,LINK,$@)$(CLANG) $(FUZZ_SAN_FLAGS) -fsanitize=fuzzer $^ -o $@ $(PKG_LIBS) -lm -lpthread

.PRECIOUS: $(F)/user/%.o $(F)/tests/%.o

.PHONY: test-unit test-golden golden-update test-fuzz fuzz-run test-runners test-live test-san test-attack attack lint

test: ## set up, build, and run all tests: unit, golden, fuzz, lint, runners, live, attack, vm
	$(Q)$(MAKE) --no-print-directory deps WITH=test
	$(Q)$(MAKE) --no-print-directory all
	$(Q)sh tests/run-all.sh $(SUITES)

test-unit: $(UNIT_BIN) $(B)/wallgap-native ## model, statistics, parsers, store: under ASan and UBSan
	$(Q)sh tests/unit/run.sh $(UNIT_BIN)

test-golden: $(GOLDEN_BIN) ## recordings against the reports expected of them
	$(Q)python3 tests/golden/run.py $(S)/golden

golden-update: $(GOLDEN_BIN) ## take the reports as they are now for the expected ones
	$(Q)python3 tests/golden/run.py --update $(S)/golden

test-fuzz: ## parsers of files that others wrote, FUZZ_SECONDS each (60): under ASan and UBSan
	$(Q)if $(FUZZ_PROBE); then \
		$(MAKE) --no-print-directory fuzz-run; \
	else \
		sh tests/fuzz/run.sh --skip "$(CLANG) has no libFuzzer here (libclang-rt-*-dev)" $(FUZZ_BIN); \
	fi

fuzz-run: $(FUZZ_BIN)
	$(Q)sh tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_BIN)

test-runners: $(B)/wallgap-native ## the runners of all runtimes against workloads/protocol.md
	$(Q)python3 tests/runners/run.py

test-live: all ## planted workloads on this kernel, against what the tool says of them (root)
	$(Q)$(SUDO) python3 tests/live/run.py

# What every recording goes through, in a few seconds: what depends on time is for the other build.
SAN_LIVE := cli_help cli_status cli_streams shortlived_ execchain storm lockzoo_mutex lockzoo_cond jit_good jit_late \
	    dlopen shortkids_exec shortkids_memfd shortkids_pidns names_ debugfile_ kernel_samples_getppid klock_sites \
	    fault_sites sigframe_loop_alt
test-san: all $(S)/wallgap ## a part of the live tests, wallgap under ASan and UBSan (root)
	$(Q)$(SUDO) WALLGAP=$(S)/wallgap SUITE=san python3 tests/live/run.py $(SAN_LIVE)

test-attack: all $(GOLDEN_BIN) $(S)/wallgap ## attacks in their short form (root)
	$(Q)$(SUDO) python3 tests/attack/run.py

attack: all $(GOLDEN_BIN) $(S)/wallgap ## attacks at full length (root)
	$(Q)$(SUDO) python3 tests/attack/run.py --all -v

test-vm: all ## the same on other kernels, under qemu
	$(Q)sh tests/vm/run.sh

lint: ## layout of the code, allowed includes, findings of cppcheck
	$(Q)python3 tests/lint.py $(FORMAT_DIRS)

-include $(SAN_OBJ:.o=.d) $(wildcard $(S)/tests/*/*.d) $(FUZZ_LIB_OBJ:.o=.d) $(wildcard $(F)/tests/*/*.d)
