#!/bin/sh
# Fuzzes the readers of bytes from outside: tests/fuzz/run.sh [SECONDS_EACH [TARGET...]].
#
# With clang: libFuzzer with AddressSanitizer; what it finds new goes to build/fuzz/TARGET/new, and a
# crash to build/fuzz/TARGET. Without: mutations of the corpus. Targets: xclbin, rpc.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- xclbin rpc

core="host/core/allocator.c host/core/arena.c host/core/diagnostics.c host/core/read_file.c host/core/status.c"
xclbin="bitstreams/xclbin.c bitstreams/xclbin_metadata.c bitstreams/xclbin_read.c"
board="backends/xrt/board/board.c backends/xrt/board/compute_unit.c backends/xrt/board/kernels.c
    backends/xrt/board/memory.c backends/xrt/board/rpc.c backends/xrt/emulation/faults.c"
includes="-Ihost/core/include -Ibitstreams/include -Ibackends/xrt/emulation/include
    -Ibackends/xrt/board -Itests/fuzz -Itests/support"
flags="-std=c11 -g -O1 -D_POSIX_C_SOURCE=200809L"

for target in "$@"; do
    folder=build/fuzz/$target
    corpus=tests/fuzz/corpus/$target
    sources="tests/fuzz/fuzz_$target.c $core $xclbin"
    [ "$target" != rpc ] || sources="$sources $board"
    mkdir -p "$folder/new"
    if command -v clang >/dev/null; then
        # shellcheck disable=SC2086 # lists of words
        clang $flags -fsanitize=fuzzer,address,undefined $includes $sources -lexpat -lpthread -ldl \
            -o "$folder/fuzz"
        "$folder/fuzz" -max_total_time="$seconds" -timeout=10 -max_len=16384 -rss_limit_mb=4096 \
            -artifact_prefix="$folder/" -print_final_stats=1 -close_fd_mask=2 "$folder/new" "$corpus"
    else
        # shellcheck disable=SC2086
        cc $flags $includes $sources tests/fuzz/replay.c -lexpat -lpthread -ldl -o "$folder/fuzz"
        end=$(($(date +%s) + seconds))
        seed=1
        while [ "$(date +%s)" -lt "$end" ]; do
            "$folder/fuzz" "$corpus" 100000 "$seed" 2>/dev/null
            seed=$((seed + 1))
        done
    fi
done
