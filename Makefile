# rnatune: `make demo` and `make check` do all the set-up themselves (Debian 12).
#   make            the program, build/rnatune
#   make demo       the whole plan, 'rnatune tune', in minutes: shipped structures, shipped small base
#   make check      lint, unit tests, golden values, command-line tests
#   make stress     the interval simulations in full, the full-size network with random weights: minutes
#   make bench-usalign USALIGN=path   TM-scores against US-align's time (needs the shared data folder)
#   make bench-torch RNAPRO_REF=dir PYTHON=python   every stage beside PyTorch's time (bench/torch.sh)
#   make bench-torch-lora, with the same   a LoRA training step beside PyTorch's (bench/torch_lora.sh)
#   make viewer     fetches Mol* for the 3D views of `rnatune report`
#   make install    program, libraries, man pages, bash completion (PREFIX=/usr/local, DESTDIR=); make uninstall
#   make bench-phase1 SMALL=checkpoint   what Phase 1 gains from its cache (bench/phase1.sh)
#   make asan       the unit tests under AddressSanitizer and UBSan;  make valgrind  under Valgrind
#   make VIENNA=auto|0|1   with ViennaRNA's library: when it was built (default; `make demo` builds it), never, or build it
#   make MPI=auto|0|1   with the library that mpirun needs: when mpicc is there (default), never, or an error without it
#   make CUDA=auto|0|1   with the CUDA backend: when nvcc is there (default), never, or an error without it
#   make CUDA=12    the same with CUDA 12, for older drivers: clang compiles, NVIDIA's headers and libraries are fetched
#   make CUDA_ARCHS=release|ptx|"80 89"   its code: for all devices that are meant (default); PTX alone, which the driver compiles at
#                   the first start, and which takes a minute less to build; for these.  See docs/cuda.md
#   make check-cuda12   builds that and looks at what is in it: minutes, 400 MB are fetched
#   make check-cuda   the backend's tests on this machine's GPU (`make check` runs them on the processor)
#   make bench-cuda   its speed, beside PyTorch's where RNAPRO_REF and PYTHON say where that is, and its memory beside the plan (bench/cuda.sh)
BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= gcc
CXX     ?= g++
CUDA    ?= auto
MPI     ?= auto
NVCC    ?= $(shell command -v nvcc 2>/dev/null || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
VERSION := $(shell cat VERSION)
COMMIT  := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN    := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS  += -std=gnu11 -g -O2 $(WARN) -fopenmp-simd -fno-math-errno -fno-trapping-math -Isrc -Iinclude $(SANITIZE)
LDLIBS  := -ldnnl -ljansson -lyaml -lcrypto -lsqlite3 -lz -lgomp -lpthread -ldl -lm
LDFLAGS += $(SANITIZE)

ROOMS   := base io score prep feat op layer trunk diffusion confidence train ship report tune
SOURCES := $(filter-out %_test.c %_fuzz.c,$(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c)) $(wildcard src/*.c))
# the plain reference is compiled twice, for float and for double
REFERENCE := $(wildcard src/op/cpu_ref*.c)
SOURCES   := $(filter-out $(REFERENCE) src/base/ranks_mpi.c,$(SOURCES))
CLI     := $(filter-out src/cli/main.c %_test.c,$(wildcard src/cli/*.c))
TESTS   := $(wildcard src/*/*_test.c) $(wildcard src/*_test.c)
FUZZERS := $(wildcard src/*/*_fuzz.c)

use_cuda := $(if $(filter 0,$(CUDA)),,$(if $(filter 12,$(CUDA)),clang,$(if $(NVCC),nvcc,$(if $(filter 1,$(CUDA)),$(error CUDA=1, but nvcc was not found)))))
ifneq ($(use_cuda),)
CUDA_SOURCES := $(wildcard src/op/cuda_*.cu)
# PTX of 7.5 is for a T4, that of 8.0 for every newer device (with tensor cores for bf16); the last of several gives its PTX, too
CUDA_ARCHS   ?= release
comma        := ,
cuda_newest  := $(if $(filter clang,$(use_cuda)),90,90 120)
cuda_archs   := $(filter-out ptx,$(patsubst release,75 80 89 $(cuda_newest),$(CUDA_ARCHS)))
cuda_ptx     := $(sort 80 $(or $(lastword $(cuda_archs)),75))
# compilers cut a definition at commas and spaces
CUDA_MACHINE := -DRT_CUDA_MACHINE_CODE=_$(subst $() ,_,$(strip $(cuda_archs)))
ifeq ($(use_cuda),clang)
CUDA12_DIR   ?= build/cuda12
CUDA_CLANG   ?= $(firstword $(foreach v,19 18 17 16,$(shell command -v clang++-$(v))))
$(if $(CUDA_CLANG),,$(error CUDA=12, but clang++ of version 16 to 19 was not found: apt-get install clang-19))
# clang makes no PTX without machine code; PTX of CUDA 11.8, the first that knows 9.0, suits every driver that runs the rest
CUDA_CODE    := $(foreach a,$(sort $(cuda_archs) $(cuda_ptx)),--cuda-gpu-arch=sm_$(a)) --no-cuda-include-ptx=all
CUDA_CODE    += $(foreach a,$(cuda_ptx),--cuda-include-ptx=sm_$(a)) --cuda-feature=+ptx78 -DRT_CUDA_PTX_VERSION=11080
CUDA_COMPILE  = $(CUDA_CLANG) -x cuda --cuda-path=$(CUDA12_DIR) -isystem $(CUDA12_DIR)/include $(CUDA_CODE) -Wall -Wextra -Werror -Wno-unknown-cuda-version -Xcuda-ptxas -Werror
CUDA_LIBS    := -L$(CUDA12_DIR)/lib64 -l:libcudart.so.12 -lstdc++
CUDA12       := $(CUDA12_DIR)/version.json
else
CUDA_CODE    := $(foreach a,$(cuda_archs),-gencode arch=compute_$(a)$(comma)code=sm_$(a))
CUDA_CODE    += $(foreach a,$(cuda_ptx),-gencode arch=compute_$(a)$(comma)code=compute_$(a))
CUDA_COMPILE  = $(NVCC) $(CUDA_CODE) -Xcompiler -Wall,-Wextra -Werror all-warnings --expt-relaxed-constexpr
CUDA_LIBS    := -L$(dir $(NVCC))../lib64 -lcudart_static -lstdc++ -ldl -lrt
endif
$(shell mkdir -p $(BUILD); echo '$(CUDA_COMPILE)' | cmp -s - $(BUILD)/.cuda_code || echo '$(CUDA_COMPILE)' >$(BUILD)/.cuda_code)
SOURCES      := $(filter-out src/op/cuda_stub.c,$(SOURCES))
endif

# ViennaRNA is fetched and built by tools/vienna.sh, never part of the project (its licence)
VIENNA     ?= auto
VIENNA_DIR ?= build/vienna
ifneq ($(filter 0,$(VIENNA)),)
use_vienna :=
else
use_vienna := $(if $(filter 1,$(VIENNA)),$(VIENNA_DIR)/libRNA.a,$(wildcard $(VIENNA_DIR)/libRNA.a))
endif
SOURCES := $(filter-out src/prep/pairs_vienna$(if $(use_vienna),_stub,).c,$(SOURCES))
LDLIBS  := $(use_vienna) $(LDLIBS)

OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o) $(CUDA_SOURCES:%.cu=$(BUILD)/%.o)
OBJECTS += $(REFERENCE:%.c=$(BUILD)/%_f32.o) $(REFERENCE:%.c=$(BUILD)/%_f64.o)
CLI_OBJECTS  := $(CLI:%.c=$(BUILD)/%.o)
TEST_PROGRAMS := $(TESTS:src/%.c=$(BUILD)/test/%)

all: $(BUILD)/rnatune $(BUILD)/librnatune_mpi.so

# ---- set-up -------------------------------------------------------------------------------------------------------
PACKAGES := gcc g++ libc6-dev make pkg-config libdnnl-dev libjansson-dev libyaml-dev libssl-dev libsqlite3-dev zlib1g-dev libcmocka-dev infernal libopenmpi-dev openmpi-bin libstdc++-12-pic
HEADERS  := signal.h dnnl.h jansson.h yaml.h openssl/evp.h sqlite3.h zlib.h cmocka.h
$(BUILD)/.deps:
	@mkdir -p $(BUILD)
	@tools/install_packages.sh "$(HEADERS)" "$(PACKAGES)" $(CXX)
	@touch $@

# ---- building -----------------------------------------------------------------------------------------------------
# libraries in lib/ beside the program come first, for those that they need too: how a packaged program finds what it carries
$(BUILD)/rnatune: LDFLAGS += -Wl,-rpath,'$$ORIGIN/lib' -Wl,--disable-new-dtags
$(BUILD)/rnatune: $(BUILD)/src/cli/main.o $(CLI_OBJECTS) $(BUILD)/librnatune.a | $(BUILD)/lib $(if $(CUDA12),$(BUILD)/lib/libcudart.so.12)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CUDA_LIBS)

$(if $(filter 0,$(MPI)),$(shell rm -f $(BUILD)/librnatune_mpi.so))
# rnatune is not linked with MPI: mpirun's processes load this library from beside the program
$(BUILD)/librnatune_mpi.so: src/base/ranks_mpi.c src/base/ranks_mpi.h | $(BUILD)/.deps
	@CC="$(CC)" tools/mpi.sh "$(MPI)" $@ $< $(filter-out $(SANITIZE),$(CFLAGS))

$(BUILD)/lib: | $(BUILD)/.deps
	@mkdir -p $@
	@tools/portable_libstdcxx.sh $@/libstdc++.so.6
# what a program built with CUDA=12 needs beside it
$(BUILD)/lib/libcudart.so.12: $(CUDA12) | $(BUILD)/lib
	@ln -sf $(realpath $(CUDA12_DIR))/lib64/libcudart.so.12 $(realpath $(CUDA12_DIR))/lib64/libcublasLt.so.12 $(@D)
$(BUILD)/test/% $(BUILD)/replay/%: LDFLAGS += $(if $(CUDA12),-Wl$(comma)-rpath$(comma)$(abspath $(CUDA12_DIR)/lib64))

$(BUILD)/librnatune.a: $(OBJECTS) $(BUILD)/.vienna
	@rm -f $@
	ar rcs $@ $(OBJECTS)

# the archive is made again when ViennaRNA comes or goes
$(shell mkdir -p $(BUILD); echo '$(use_vienna)' | cmp -s - $(BUILD)/.vienna || echo '$(use_vienna)' >$(BUILD)/.vienna)
$(VIENNA_DIR)/libRNA.a:
	@tools/vienna.sh $(VIENNA_DIR)
$(BUILD)/src/prep/pairs_vienna.o: $(use_vienna)
$(BUILD)/src/prep/pairs_vienna.o: CFLAGS += -isystem $(VIENNA_DIR)/include
# these files are part of these objects
$(BUILD)/src/prep/loop_model.o: data/eternafold/EternaFoldParams.v1
$(BUILD)/src/ship/notebook.o: data/kaggle/notebook.py
$(BUILD)/src/ship/bundle.o: LICENSE
$(BUILD)/src/cli/cmd_completion.o: src/cli/completion.bash
$(BUILD)/src/report/report.o: src/report/report.css src/report/tables.js src/report/view.js src/report/view_molstar.js
$(BUILD)/src/op/cpu_%.o $(BUILD)/src/score/%.o $(BUILD)/src/prep/partition.o: CFLAGS += -O3
# rebuilt when the commit changes: run records say which code ran
$(shell mkdir -p $(BUILD); echo '$(VERSION) $(COMMIT)' | cmp -s - $(BUILD)/.version || echo '$(VERSION) $(COMMIT)' >$(BUILD)/.version)
$(BUILD)/src/cli/cmd_version.o: $(BUILD)/.version
$(BUILD)/src/cli/cmd_version.o: CFLAGS += -DRT_VERSION='"$(VERSION)"' -DRT_COMMIT='"$(COMMIT)"' -DRT_CUDA=$(if $(CUDA_SOURCES),1,0)
$(BUILD)/%.o: %.c | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/%_f32.o: %.c | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DRT_REAL=float -MMD -MP -c -o $@ $<
$(BUILD)/%_f64.o: %.c | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -DRT_REAL=double -MMD -MP -c -o $@ $<
$(BUILD)/%.o: %.cu $(BUILD)/.cuda_code $(CUDA12) | $(BUILD)/.deps
	@mkdir -p $(@D)
	$(CUDA_COMPILE) -std=c++17 -O3 $(CUDA_MACHINE) -Isrc -Iinclude -MMD -MP -c -o $@ $<
$(CUDA12_DIR)/version.json:
	@tools/cuda12.sh $(@D)

$(BUILD)/test/%: $(BUILD)/src/%.o $(CLI_OBJECTS) $(BUILD)/librnatune.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS) $(CUDA_LIBS)

# the CUDA backend on the processor, for tests where there is no GPU: its files are compiled by g++ against cuda_emulation.h
EMULATED := $(patsubst %.cu,$(BUILD)/emulated/%.o,$(wildcard src/op/cuda_*.cu)) $(patsubst %.cc,$(BUILD)/emulated/%.o,$(wildcard src/op/cuda_emulation*.cc))
EMULATED_TESTS := $(addprefix $(BUILD)/emulated/test/op/,op_test op_gradient_test op_size_test cuda_adam_test cuda_ranks_test)
EMULATED_TESTS += $(BUILD)/emulated/test/train/loss_diffusion_test
EMULATED_FLAGS := -std=gnu++17 -g -O2 -Wall -Wextra -Wshadow -Werror -DRT_CUDA_EMULATED -Isrc -Iinclude
$(BUILD)/emulated/%.o: %.cu
	@mkdir -p $(@D)
	$(CXX) -x c++ $(EMULATED_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/emulated/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(EMULATED_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/emulated/rnatune: $(BUILD)/src/cli/main.o $(CLI_OBJECTS) $(EMULATED) $(BUILD)/librnatune.a
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS) -lstdc++
$(BUILD)/emulated/test/%: $(BUILD)/src/%.o $(CLI_OBJECTS) $(EMULATED) $(BUILD)/librnatune.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ -lcmocka $(LDLIBS) -lstdc++
emulated: $(BUILD)/emulated/rnatune $(EMULATED_TESTS) $(BUILD)/emulated/librnatune_mpi.so
$(BUILD)/emulated/librnatune_mpi.so: $(BUILD)/librnatune_mpi.so   # a link to nothing where there is no MPI
	@ln -sf ../librnatune_mpi.so $@

# calls of our own code go through the test first
WRAPPED := malloc calloc realloc free fopen fdopen fwrite fflush fsync rename mkdir
$(BUILD)/test/inject_test: LDFLAGS += $(WRAPPED:%=-Wl,--wrap=%)

# ---- checking -----------------------------------------------------------------------------------------------------
.PHONY: all emulated check-cuda check-cuda12 bench-cuda bench-phase1 bench-torch bench-torch-lora bench-usalign check unit replay lint demo asan valgrind fuzz stress libs viewer install uninstall clean
lint:
	@tools/lint.sh

unit: $(TEST_PROGRAMS)
	@tools/run_tests.sh $(TEST_PROGRAMS)

# fuzz entries over the inputs that once were findings
REPLAYS := $(FUZZERS:src/%_fuzz.c=$(BUILD)/replay/%)
$(BUILD)/replay/%: $(BUILD)/tests/fuzz/replay.o $(BUILD)/src/%_fuzz.o $(BUILD)/librnatune.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(CUDA_LIBS)
replay: $(REPLAYS)
	@tests/fuzz/run.sh $(BUILD)/rnatune

check: all $(TEST_PROGRAMS) $(REPLAYS) emulated
	@tools/check.sh $(BUILD) $(TEST_PROGRAMS)

asan:
	$(MAKE) BUILD=$(BUILD)/asan CUDA=0 SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" unit replay

valgrind: $(TEST_PROGRAMS)
	@WRAP="valgrind -q --leak-check=full --error-exitcode=9 --suppressions=tools/valgrind.supp" tools/run_tests.sh $(TEST_PROGRAMS)

fuzz: | $(BUILD)/.deps
	@tools/fuzz.sh $(or $(SECONDS),60)

bench-usalign: $(BUILD)/rnatune
	@bench/usalign.sh $(BUILD)/rnatune $(USALIGN) ../shared/data/puzzles

# for a machine with a GPU; without one they say so in one line
check-cuda: all $(EMULATED_TESTS:$(BUILD)/emulated/%=$(BUILD)/%)
	@RT_GPU=1 tests/cuda/run.sh $(BUILD)/rnatune
check-cuda12:
	@tests/cuda/cuda12.sh
bench-cuda: $(BUILD)/rnatune
	@bench/cuda.sh $(BUILD)/rnatune

bench-torch: $(BUILD)/rnatune
	@bench/torch.sh $(BUILD)/rnatune
bench-torch-lora: $(BUILD)/rnatune
	@bench/torch_lora.sh $(BUILD)/rnatune
bench-phase1: $(BUILD)/rnatune
	@bench/phase1.sh $(BUILD)/rnatune $(SMALL)

STRESSED := $(addprefix $(BUILD)/test/,score/bootstrap_test train/checkpoint_test inject_test difference_test)
stress: $(BUILD)/rnatune $(STRESSED)
	@RT_STRESS=1 TEST_TIMEOUT=3600 tools/run_tests.sh $(STRESSED)
	@RT_KILLS=20 tests/cli/run.sh $(BUILD)/rnatune predict_resume tune_killed
	@tests/adding.sh . --build
	@tests/stress.sh $(BUILD)/rnatune

# What a program that uses build/librnatune.a links with.
libs:
	@echo $(LDLIBS) $(CUDA_LIBS)

demo: | $(BUILD)/.deps
ifeq ($(VIENNA),auto)
	@tools/vienna.sh $(VIENNA_DIR) || echo "going on without it: pairs --method vienna will not be there"
endif
	@tools/molstar.sh $(BUILD)/molstar || echo "going on without it: the report's 3D views are its own"
	@$(MAKE) all
	@examples/demo.sh $(BUILD)/rnatune

viewer:
	@tools/molstar.sh $(BUILD)/molstar

install: all
	@tools/install.sh $(BUILD) $(PREFIX) $(DESTDIR)

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/lib/rnatune $(DESTDIR)$(PREFIX)/share/doc/rnatune
	rm -f $(DESTDIR)$(PREFIX)/bin/rnatune $(DESTDIR)$(PREFIX)/lib/librnatune.a $(DESTDIR)$(PREFIX)/include/rnatune.h \
	    $(DESTDIR)$(PREFIX)/share/man/man1/rnatune.1 $(DESTDIR)$(PREFIX)/share/man/man1/rnatune-*.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rnatune

clean:
	rm -rf $(BUILD)

-include $(EMULATED:.o=.d) $(OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(TESTS:%.c=$(BUILD)/%.d)
.SECONDARY:
