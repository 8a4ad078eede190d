#!/bin/sh
# The whole conformance suite on the emulated CUDA driver, in each way that kernels can be run.
#
#   tests/cuda/conformance.sh BUILD_DIR [INTEGER_CASES]
#
# With 1 and with 4 devices; blocks and warps in order and shuffled; looking for races on shared memory;
# with and without matrix instructions; with cuBLASLt as the emulated driver plays it. INTEGER_CASES (1600)
# random cases of integer operators each: 0 bytes may differ. A build with AddressSanitizer (build/asan)
# looks at memory as well; it finds no races. Exit status 1 when anything differs.
set -eu

[ $# -ge 1 ] || { sed -n '4p' "$0" | sed 's/^# *//' >&2; exit 2; }
program=$1/tests/conformance/test_conformance_cuda
cases=${2:-1600}
seed=0
failed=0

# one DEVICES DEVICE OPTIONS
one() {
    seed=$((seed + 1))
    for what in "--seed $seed" "--seed $seed --integer $cases"; do
        # shellcheck disable=SC2086 # a list of words
        log=$(DAVIT_CUDAEMU_DEVICES=$1 DAVIT_CUDAEMU_OPTIONS=$3 "$program" --device "$2" $what 2>&1) ||
            failed=$((failed + 1))
        echo "$1 devices, $2, ${3:-in order}, $what: $(echo "$log" | tail -1)"
        echo "$log" | grep -A1 -e '^FAILED' -e ERROR || true
    done
}

one 1 cuda:emu ""
one 4 cuda:emu:3 ""
one 1 cuda:emu capability=61
one 1 cuda:emu "multiprocessors=1,cublaslt=1"
for shuffled in 11 12 13; do
    one 4 cuda:emu:1 "seed=$shuffled"
    one 1 cuda:emu "seed=$shuffled,capability=61"
done
if DAVIT_CUDAEMU_OPTIONS=races=1 "$program" --device cuda:emu --case 'Relu x:1x8' 2>&1 |
    grep -q 'cannot look for races'; then
    echo "races: left out, this build cannot look for them"
else
    one 1 cuda:emu "races=1"
    one 4 cuda:emu:2 "races=1,seed=14"
    one 1 cuda:emu "races=1,seed=15,capability=61"
fi
echo "$failed runs failed"
[ $failed -eq 0 ]
