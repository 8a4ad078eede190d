#!/bin/sh
# Everything that a machine with an NVIDIA GPU can show of the CUDA backend, in one table.
#
#   tests/hw/cuda.sh BUILD_DIR [FOLDER [DEVICE]]
#
# Needs the driver, a build made with nvcc (cuda:0 is "ready" in davit devices) and, for whole networks,
# FOLDER of tests/cuda/networks.sh (build/cuda-networks). DEVICE: all that are ready; cuda:emu tries the
# script itself, where the line "calibrate" fails, as an emulated device has no speed. CI has no GPU: what
# passes there passes on the emulated driver. Exit status 1 when a line fails.
set -eu

[ $# -ge 1 ] || { sed -n '4p' "$0" | sed 's/^# *//' >&2; exit 2; }
build=$1
folder=${2:-build/cuda-networks}
davit=$build/host/cli/davit
conformance=$build/tests/conformance/test_conformance_cuda
here=$(dirname "$0")
logs=$build/hw-cuda
failed=0
mkdir -p "$logs"

"$davit" devices >"$logs/devices.log" 2>&1
gpus=${3:-$(sed -n 's/^\(cuda:[0-9]*\) *cuda *ready.*/\1/p' "$logs/devices.log")}
[ -n "$gpus" ] || {
    echo "no usable GPU:"
    grep '^cuda:' "$logs/devices.log"
    exit 1
}

# line NAME COMMAND...: one row of the table
line() {
    name=$1
    shift
    log=$logs/$(echo "$name" | tr ' :' '__').log
    begin=$(date +%s)
    if "$@" >"$log" 2>&1; then result=passed; else
        result=FAILED
        failed=1
    fi
    printf '%-34s %-7s %5d s  %s\n' "$name" $result $(($(date +%s) - begin)) "$(tail -1 "$log")"
}

# How fast a network runs: percentiles of 20 runs, of 2 on an emulated device.
# shellcheck disable=SC2317 # called through line
speed() {
    case $1 in *:emu*) runs=2 ;; *) runs=20 ;; esac
    "$davit" bench "$folder/$2.onnx" --shape "$3" --devices "$1,cpu" --repeat "$runs" | grep '^latency'
}

grep -e '^device' -e '^cuda:' "$logs/devices.log"
for gpu in $gpus; do
    line "$gpu conformance" "$conformance" --device "$gpu"
    line "$gpu integer cases" "$conformance" --device "$gpu" --integer 1600
    line "$gpu without cuBLASLt" env DAVIT_CUBLASLT=0 "$conformance" --device "$gpu"
    line "$gpu networks" "$here/../cuda/networks.sh" "$build" "$folder" "$gpu" 10
    line "$gpu TF32" "$davit" run "$folder/mobilenetv2.onnx" --shape input=1x3x224x224 \
        --devices "$gpu,cpu" --precision tf32 --verify
    line "$gpu resnet50-int8" speed "$gpu" resnet50-int8 input=1x3x224x224
    line "$gpu ppocrv4-det-int8" speed "$gpu" ppocrv4-det-int8 x=1x3x320x640
    line "$gpu mobilenetv2" speed "$gpu" mobilenetv2 input=1x3x224x224
    line "$gpu calibrate" "$davit" calibrate --device "$gpu"
done
line "beside the emulated driver" "$conformance" --device cuda:emu --filter queue
exit $failed
