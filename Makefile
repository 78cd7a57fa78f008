# The project's commands. Each is a thin wrapper around CMake presets, which work alone as well.
.DEFAULT_GOAL := help
.PHONY: help run build environment test soak sanitize tsan msan bench fuzz lint analyze coverage reference reproducible install uninstall image package collector clean layer
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
export DESTDIR
GATEWAY := build/run/noveum-gateway

help:
	@echo 'make run        install what is missing, build, start in local mode (or deliver: NOVEUM_API_KEY)'
	@echo 'make test       install what is missing, build, run every test'
	@echo 'make build      release build: build/release/noveum-gateway, libnoveum.so, libnoveum.a'
	@echo 'make sanitize   units, goldens and corpora under address and undefined-behaviour sanitizers'
	@echo 'make tsan       all tests under the thread sanitizer (about half an hour)'
	@echo 'make msan       corpora under the memory sanitizer, where every line is ours'
	@echo 'make soak       the long forms of the tests (about an hour)'
	@echo 'make bench      drive the release build with GenAI spans, print cost and latency'
	@echo 'make fuzz       every fuzz target for FUZZ_SECONDS (60)'
	@echo 'make lint       formatter and static analysers'
	@echo 'make analyze    gcc -fanalyzer over all sources'
	@echo 'make coverage   line coverage of each stage; fails below the target'
	@echo 'make reproducible  build twice in different places and compare the bytes'
	@echo 'make install    the release build below PREFIX (/usr/local), or DESTDIR; make uninstall takes it away'
	@echo 'make package    Debian packages of the last commit into build/dist'
	@echo 'make layer      layer of AWS Lambda into build/dist (docs/lambda.md)'
	@echo 'make collector  an OpenTelemetry Collector with the Noveum exporter (Go 1.26, module proxy)'
	@echo 'make reference  the public headers as HTML, by Doxygen: build/reference/index.html'
	@echo 'make image      container image noveum-gateway (docker, podman or buildah, nothing else)'

# The program alone, without optimisation across files: half the build time of `make build`.
run:
	@tools/install-dependencies.sh build
	@mkdir -p build
	@test -x $(GATEWAY) || echo 'make: building $(GATEWAY); the first time may take minutes'
	@cmake --preset run >build/run.configure.log 2>&1 || { cat build/run.configure.log; exit 1; }
	@cmake --build --preset run -j $(JOBS)
	@exec $(GATEWAY) $(ARGS)

build:
	@tools/install-dependencies.sh build
	@mkdir -p build
	@test -x build/release/noveum-gateway || echo 'make: building build/release; linking, at the end, is silent for a while'
	@cmake --preset release >build/release.configure.log 2>&1 || { cat build/release.configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS)

# What all tests need, before a build that they are run from.
environment:
	@tools/install-dependencies.sh build test
	@tools/test-environment.sh

# $(call built,PRESET)
define built
	@cmake --preset $(1)
	@cmake --build --preset $(1) -j $(JOBS)
endef

test: environment
	$(call built,dev)
	@ctest --preset dev

soak: environment
	$(call built,dev)
	@NOVEUM_SOAK=1 ctest --preset soak

sanitize:
	@tools/install-dependencies.sh build test
	$(call built,asan)
	@ctest --preset asan -L 'unit|fuzz-replay'

tsan: environment
	$(call built,tsan)
	@ctest --preset tsan

msan:
	@tools/install-dependencies.sh build test lint
	$(call built,msan)
	@ctest --preset msan

bench: build
	@python3 bench/run.py $(ARGS)

fuzz:
	@tools/install-dependencies.sh build test lint
	@cmake --preset fuzz
	@cmake --build --preset fuzz -j $(JOBS) --target fuzzers
	@tools/fuzz.sh $(FUZZ_SECONDS)

lint:
	@tools/install-dependencies.sh build test lint
	@tools/lint.sh

analyze:
	@tools/install-dependencies.sh build
	@tools/analyze.sh

coverage:
	@tools/install-dependencies.sh build test lint
	@tools/test-environment.sh
	@tools/coverage.sh

reproducible:
	@tools/install-dependencies.sh build
	@tools/reproducible.sh release

image:
	@deploy/build-image.sh

# What uninstall removes is what the last install of this build directory has written down.
install:
	@test -x build/release/noveum-gateway || $(MAKE) build
	@cmake --install build/release --prefix $(PREFIX) >build/install.log || { cat build/install.log; exit 1; }
	@echo "make: $$(grep -c . build/release/install_manifest.txt) files below $(DESTDIR)$(PREFIX)"

uninstall:
	@cd build/release && cmake -P ../../cmake/uninstall.cmake

package:
	@tools/install-dependencies.sh build package
	@tools/package.sh

layer: build
	@tools/lambda-layer.sh

reference:
	@tools/install-dependencies.sh reference
	@tools/reference.py build/reference

collector: build
	@tools/collector.sh build/release build/collector || [ $$? -eq 77 ]

clean:
	@rm -rf build
