# What tracing costs: `make bench`, or `make bench QUICK=1` for a short look. Included by the
# Makefile. The table goes to stdout and build/bench.txt, the figures to build/bench.json.

BENCH := $(B)/bench

$(BENCH)/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) $(USER_FLAGS) -I$(BENCH) -c $< -o $@

$(BENCH)/empty.o: $(BENCH)/empty.skel.h

$(BENCH)/empty.bpf.o: tests/bench/empty.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Werror -Ivmlinux \
		-MMD -MP -MF $(@:.o=.d) -c $< -o $@

$(BENCH)/empty.skel.h: $(BENCH)/empty.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name empty_bpf > $@

$(BENCH)/empty: $(BENCH)/empty.o
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(shell pkg-config --libs libbpf)

$(BENCH)/pingpong $(BENCH)/faults $(BENCH)/first $(BENCH)/gaps $(BENCH)/starts: $(BENCH)/%: $(BENCH)/%.o
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ -lpthread

$(BENCH)/tables: $(BENCH)/tables.o $(filter $(B)/user/unwind/% $(B)/user/base/%,$(USER_OBJ))
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(PKG_LIBS)

.PHONY: bench-build
bench-build: $(addprefix $(BENCH)/,empty pingpong faults first gaps starts tables)

bench: ## measure what tracing costs, against bcc, perf and bpftrace
	$(Q)sh tests/deps.sh build bench runtimes
	$(Q)$(MAKE) --no-print-directory all bench-build
	$(Q)$(SUDO) python3 tests/bench/bench.py --build $(B) $(if $(QUICK),--quick) $(ARGS)

-include $(wildcard $(BENCH)/*.d)
