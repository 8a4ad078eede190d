#!/bin/sh
# Whole networks on an OpenCL device, each against the reference: tests/opencl/networks.sh DAVIT FOLDER
# [DEVICES]. FOLDER has resnet50-int8.onnx, ppocrv4-det-int8.onnx and mobilenetv2.onnx (models/fetch,
# davit-models and `davit quantize` make them). Prints for each the time of a first run with cold
# caches (kernels are compiled), of a second one, their ratio, and the line of --verify. With a folder
# of its own for all caches. Exit status: 0 when all agree with the reference.
set -eu

[ $# -ge 2 ] || {
    sed -n '2,6s/^# //p' "$0" >&2
    exit 2
}
davit=$1
folder=$2
devices=${3:-opencl:0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache" POCL_CACHE_DIR="$work/pocl" OMP_WAIT_POLICY=passive
failed=0

now() {
    date +%s.%N
}

# run NAME FILE SHAPE
run() {
    rm -rf "$XDG_CACHE_HOME" "$POCL_CACHE_DIR"
    mkdir -p "$POCL_CACHE_DIR"
    begin=$(now)
    "$davit" run "$folder/$2" --shape "$3" -d "$devices" >"$work/first" 2>&1 || failed=1
    middle=$(now)
    "$davit" run "$folder/$2" --shape "$3" -d "$devices" >"$work/second" 2>&1 || failed=1
    end=$(now)
    "$davit" run "$folder/$2" --shape "$3" -d "$devices" --verify >"$work/verify" 2>&1 || failed=1
    echo "$begin $middle $end" | awk -v name="$1" '{
        cold = $2 - $1; warm = $3 - $2
        printf "%-22s cold %6.1f s, warm %6.2f s, %.1f times\n", name, cold, warm, cold / warm }'
    grep -h -E 'units in|against the reference' "$work/verify" || {
        tail -n 3 "$work/verify"
        failed=1
    }
}

run "ResNet-50 int8" resnet50-int8.onnx input=1x3x224x224
run "PP-OCRv4 det int8" ppocrv4-det-int8.onnx x=1x3x320x640
run "MobileNetV2 f32" mobilenetv2.onnx input=1x3x224x224
exit $failed
