#!/bin/sh
# Compares the cpu device with the reference over random integer cases: 0 bytes may differ.
#
#   tests/conformance/int8-full.sh BUILD_DIR [CASES]
#
# CASES (1600) for each instruction set with 1 and with 2 threads, from another seed each: 12,800
# below AMX, 16,000 with it. Instruction sets that this machine has not are counted as skipped and named, as oneDNN would
# run them as a lesser one. Exit status 1 when anything differs.
set -eu

[ $# -ge 1 ] || { sed -n '4,6s/^# *//p' "$0" >&2; exit 2; }
program=$1/tests/conformance/test_conformance_onednn
cases=${2:-1600}
seed=100
failed=0
skipped=0

has() {
    case $1 in
    SSE41) flag=sse4_1 ;;
    AVX2) flag=avx2 ;;
    AVX512_CORE) flag=avx512bw ;;
    AVX512_CORE_VNNI) flag=avx512_vnni ;;
    AVX512_CORE_AMX) flag=amx_int8 ;;
    esac
    grep -qw "$flag" /proc/cpuinfo
}

for isa in SSE41 AVX2 AVX512_CORE AVX512_CORE_VNNI AVX512_CORE_AMX; do
    if ! has "$isa"; then
        echo "$isa: skipped, this machine does not have it"
        skipped=$((skipped + 1))
        continue
    fi
    for threads in 1 2; do
        seed=$((seed + 1))
        log=$(DNNL_MAX_CPU_ISA=$isa "$program" --integer "$cases" --seed $seed --threads $threads) ||
            failed=$((failed + 1))
        echo "$isa, $threads threads, seed $seed: $(echo "$log" | tail -1)"
        echo "$log" | grep -A1 '^FAILED' || true
    done
done
echo "$failed runs failed, $skipped instruction sets skipped"
[ "$failed" -eq 0 ]
