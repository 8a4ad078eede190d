#!/bin/sh
# The engine's whole check, for people: 2,000 random calls of each kernel, all mutations.
# usage: tests/hls/full.sh [BUILD]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}
cmake --build "$build" --target hls_check test_hls_golden_gemm \
    test_hls_golden_vector
"$build/tests/hls/test_hls_golden_gemm"
"$build/tests/hls/test_hls_golden_vector"
"$build/tests/hls/hls_check" --kernel gemm --seed 7 --count 2000
"$build/tests/hls/hls_check" --kernel vector --seed 7 --count 2000
"$root/hls/mutate/run.py"
