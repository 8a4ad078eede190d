#!/bin/sh
# Whole networks and ONNX's cases under AddressSanitizer and UndefinedBehaviorSanitizer, which take
# too long for CI: tests/peers/sanitized.sh, after ./bootstrap test. Prints what compare.py and
# `davit check` print; exit status 0 when all agree and nothing is reported.
set -eu
cd "$(dirname "$0")/../.."
data=/usr/share/libonnx-testdata/data
export OMP_WAIT_POLICY=passive
export UBSAN_OPTIONS=print_stacktrace=1
cmake --preset asan
cmake --build --preset asan --target davit_program davit-models
davit=build/asan/host/cli/davit
for devices in cpu,reference reference; do
    "$davit" check --devices "$devices" "$data/node" "$data/simple" "$data/pytorch-converted" \
        "$data/pytorch-operator" build/onnx-cases | tail -n 1
done
build/peers/bin/python tests/peers/compare.py --davit "$davit" --davit-models \
    build/asan/models/davit-models
