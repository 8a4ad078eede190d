#!/bin/sh
# The engine's whole check, for people: golden vectors, 2,000 random calls of each kernel, all
# mutations; and where there is Verilator, the RTL: 300 calls, mutations, the cycle model on 200
# shapes that nobody looked at (SEED).
# usage: tests/hls/full.sh [BUILD [SEED]]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}
seed=${2:-$(date +%Y%m%d)}
cmake --build "$build" --target hls_check test_hls_golden_gemm test_hls_golden_vector
"$build/tests/hls/test_hls_golden_gemm"
"$build/tests/hls/test_hls_golden_vector"
"$build/tests/hls/hls_check" --kernel gemm --seed 7 --count 2000
"$build/tests/hls/hls_check" --kernel vector --seed 7 --count 2000
"$root/hls/mutate/run.py"
command -v verilator >/dev/null || {
    echo "no RTL: verilator is missing"
    exit 0
}
cmake --build "$build" --target rtl_golden rtl_check rtl_validate_model
"$build/tests/rtl/rtl_golden"
"$build/tests/rtl/rtl_check" --seed 7 --count 300
"$root/hls/mutate/run.py" --rtl
echo "cycle model, seed $seed:"
"$build/tests/rtl/rtl_validate_model" 200 "$seed"
