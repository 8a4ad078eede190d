#!/bin/sh
# A sample of the kernels under oclgrind, which finds reads and writes out of bounds and
# races: tests/opencl/memory-check.sh BUILD, as build/release. It interprets, a hundred
# times slower than PoCL. Exit status: 0 when every case passes and nothing is reported.
set -eu

[ $# -eq 1 ] || {
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
}
suite=$1/tests/conformance/test_conformance_opencl
library=$(dpkg -L oclgrind 2>/dev/null | grep 'liboclgrind-rt\.so$' || true)
[ -n "$library" ] || {
    echo "oclgrind is missing: apt-get install oclgrind" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The simulator itself in the place of the ICD loader; without a cache, as it takes one thread at a time.
export XDG_CACHE_HOME=/dev/null DAVIT_OPENCL_LIBRARY="$library" OCLGRIND_LOG="$work/log"
export OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 # its search for uninitialised values crashes in threads
failed=0

# check CASE: a line of the conformance suite, one kernel or two each.
check() {
    if "$suite" --case "$1" >"$work/out" 2>&1 && [ ! -s "$work/log" ]; then
        echo "passed  $1"
    else
        echo "FAILED  $1"
        tail -n 5 "$work/out"
        [ ! -f "$work/log" ] || head -n 20 "$work/log"
        failed=1
    fi
    rm -f "$work/log"
}

check 'Conv x:1x3x9x9 w:8x3x3x3 w:8 pads=1,1,1,1 strides=2,2 ; Relu'
check 'Conv x:1x8x7x7 w:8x1x3x3 group=8 pads=1,1,1,1'
check 'ConvTranspose x:1x4x5x5 w:4x3x3x3 strides=2,2'
check 'MatMul x:2x5x7 x:2x7x9'
check 'Gemm x:5x7 w:7x9 w:9'
check 'MaxPool x:1x3x9x9 kernel_shape=3,3 strides=2,2'
check 'AveragePool x:1x3x9x9 kernel_shape=3,3 strides=2,2 pads=1,1,1,1'
check 'Softmax x:5x70'
check 'LayerNormalization x:3x70 w:70 w:70'
check 'Add x:2x3x4x5 x:3x1x5'
check 'Transpose x:2x3x4x5 perm=0,2,3,1'
if "$suite" --integer 30 >"$work/out" 2>&1 && [ ! -s "$work/log" ]; then
    echo "passed  30 random integer cases"
else
    echo "FAILED  random integer cases"
    tail -n 5 "$work/out"
    head -n 20 "$work/log"
    failed=1
fi
exit $failed
