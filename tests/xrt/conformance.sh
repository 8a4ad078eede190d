#!/bin/sh
# The conformance suite and random integer units on emulated boards: all of it in C simulation, a part
# in RTL where the build has it. Ends with exit 1 on any differing byte.
#
# usage: tests/xrt/conformance.sh [BUILD] [CASES]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}
cases=${2:-6400}
davit=$build/host/cli/davit
suite=$build/tests/conformance/test_conformance_xrt
"$davit" emulate -- "$suite" | tail -n 1
for seed in 1 2; do
    echo "C simulation, seed $seed:"
    "$davit" emulate -- "$suite" --seed "$seed" --integer "$cases" | tail -n 1
done
if [ -f "$build/emulation/rtl/davit_u250_rtl.xclbin" ]; then
    echo "RTL:"
    "$davit" emulate --rtl -- "$suite" --seed 3 --integer $((cases / 32)) | tail -n 1
fi
