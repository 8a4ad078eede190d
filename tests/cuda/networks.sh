#!/bin/sh
# Runs whole networks on a CUDA device and compares their outputs with the reference.
#
#   tests/cuda/networks.sh BUILD_DIR FOLDER [DEVICE] [LIMIT_S]
#
# Quantised ResNet-50 and PP-OCRv4 text detection, and MobileNetV2 in f32: taken from FOLDER, made there
# when they are missing (PP-OCRv4 from build/models: models/fetch). DEVICE: cuda:emu. Three runs each,
# from the second on as CUDA graphs. Prints a line for each: units on the device, time of a run, how
# far the output is off; exit 1 when an output is wrong, when quantised ResNet-50 takes longer than
# LIMIT_S (120), or when a network does not run.
set -eu

[ $# -ge 2 ] || { sed -n '4p' "$0" | sed 's/^# *//' >&2; exit 2; }
build=$1
folder=$2
device=${3:-cuda:emu}
limit_s=${4:-120}
davit=$build/host/cli/davit
failed=0
export OMP_WAIT_POLICY=passive
mkdir -p "$folder"

# samples FILE SHAPE...: a .npy of uniform numbers, for calibration
samples() {
    python3 - "$@" <<'END'
import random, struct, sys
shape = [int(d) for d in sys.argv[2:]]
count = 1
for d in shape:
    count *= d
random.seed(1)
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % ", ".join(map(str, shape))
head += " " * (-(len(head) + 11) % 64) + "\n"
with open(sys.argv[1], "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
    f.write(struct.pack("<%df" % count, *(random.uniform(-1, 1) for _ in range(count))))
END
}

# quantized NAME INPUT SHAPE...: NAME-int8.onnx of NAME.onnx
quantized() {
    name=$1
    input=$2
    shift 2
    [ -f "$folder/$name-int8.onnx" ] && return 0
    samples "$folder/$name.npy" "$@"
    "$davit" quantize "$folder/$name.onnx" --calibration "$folder/$name.npy" \
        --shape "$input=1x$(echo "$*" | cut -d' ' -f2- | tr ' ' x)" \
        -o "$folder/$name-int8.onnx" >"$folder/$name.log" 2>&1
}

# run NAME SHAPE LIMIT_S
run() {
    log=$folder/$1-cuda.log
    begin=$(date +%s)
    status=0
    "$davit" run "$folder/$1.onnx" --shape "$2" --devices "$device,cpu" --repeat 3 --verify \
        >"$log" 2>&1 || status=$?
    seconds=$(($(date +%s) - begin))
    echo "$1: $(grep -c " $device " "$log" || true) units on $device, $(grep -c ' cpu ' "$log" ||
        true) on cpu; $(sed -n 's/.*\(median run [0-9.]* ms\).*/\1/p' "$log"), $seconds s in all;" \
        "$(sed -n 's/^output [^:]*: //p' "$log" | tail -1)"
    [ $status -eq 0 ] || { tail -2 "$log"; failed=1; }
    run_ms=$(sed -n 's/.*median run \([0-9]*\).*/\1/p' "$log")
    if [ -n "$run_ms" ] && [ "$run_ms" -gt $(($3 * 1000)) ]; then
        echo "$1: a run takes longer than $3 s"
        failed=1
    fi
}

for name in resnet50 mobilenetv2; do
    [ -f "$folder/$name.onnx" ] || "$build/models/generate/davit-models" "$name" -o "$folder/$name.onnx"
done
[ -f "$folder/ppocrv4-det.onnx" ] || cp build/models/ppocrv4-det.onnx "$folder/"
quantized resnet50 input 2 3 224 224
quantized ppocrv4-det x 2 3 320 640
run resnet50-int8 input=1x3x224x224 "$limit_s"
run ppocrv4-det-int8 x=1x3x320x640 600
run mobilenetv2 input=1x3x224x224 600
exit $failed
