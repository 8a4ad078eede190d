#!/bin/sh
# For the first person with a card: everything that an emulated board cannot show, in one table.
#
#   davit bitstream build u250            # with Vitis; or put bitstream and manifest.json into
#                                         # ~/.local/share/davit/bitstreams
#   tests/hw/fpga.sh [BUILD] [MODEL.onnx[:INPUT=SHAPE]...] >report.txt
#
# Nothing on the machine is changed but the card's bitstream. Please send report.txt with an issue.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
[ ! -d "${1:-}" ] || {
    build=$1
    shift
}
davit=$build/host/cli/davit
suite=$build/tests/conformance/test_conformance_xrt
export OMP_WAIT_POLICY=passive
passed=0
failed=0

# row NAME COMMAND...: its last line, and how it ended.
row() {
    name=$1
    shift
    begin=$(date +%s)
    if text=$("$@" 2>&1); then
        result=passed
        passed=$((passed + 1))
    else
        result=FAILED
        failed=$((failed + 1))
    fi
    printf '%-28s %-7s %4d s  %s\n' "$name" "$result" $(($(date +%s) - begin)) \
        "$(printf '%s\n' "$text" | tail -n 1)"
}

share() {
    "$davit" run "$@" --devices fpga:0,cpu --repeat 20 --verify | grep -E '^(fpga|output|[0-9]+ units)' |
        tr '\n' ' '
}

echo "davit: $("$davit" --version)"
"$davit" devices | grep -E '^(device|fpga)'
"$davit" bitstream list
(command -v xbutil >/dev/null && xbutil examine 2>/dev/null | grep -E 'Version|xilinx|Alveo') || echo "no xbutil"
echo
printf '%-28s %-7s %6s  %s\n' check result time detail
row "bitstreams verify" "$davit" bitstream verify
row "conformance suite" "$suite" --device fpga:0
for seed in 1 2 3 4; do
    row "random units, seed $seed" "$suite" --device fpga:0 --seed "$seed" --integer 3200
done
for argument in "$@"; do
    model=${argument%%:*}
    shape=
    [ "$model" = "$argument" ] || shape=${argument#*:}
    row "$(basename "$model")" share "$model" ${shape:+--shape "$shape"}
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
