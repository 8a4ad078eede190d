#!/bin/sh
# For the first person with a card: everything that an emulated board cannot show, in one table.
#
#   davit bitstream build u250            # with Vitis; or put bitstream and manifest.json into
#                                         # ~/.local/share/davit/bitstreams
#   tests/hw/fpga.sh [BUILD] [MODEL.onnx[:INPUT=SHAPE]...] >report.txt
#
# Nothing on the machine is changed but the card's bitstream. Please send report.txt with an issue.
# DAVIT_FPGA names another card than fpga:0. The script itself is tried on an emulated one:
#
#   DAVIT_FPGA=fpga:emu davit emulate -- tests/hw/fpga.sh BUILD
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
[ ! -d "${1:-}" ] || {
    build=$1
    shift
}
davit=$build/host/cli/davit
suite=$build/tests/conformance/test_conformance_xrt
rounds=$build/tests/xrt/xrt_rounds
card=${DAVIT_FPGA:-fpga:0}
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

# A card that is lost on the way fails too: davit run would complete the network on the CPU.
share() {
    status=0
    told=$("$davit" run "$@" --devices "$card",cpu --repeat 20 --verify 2>&1) || status=1
    lost=$(printf '%s\n' "$told" | grep 'is lost') && status=1
    printf '%s\n' "$told" | grep -E '^(davit: error|fpga|output |[0-9]+ units)' | tr '\n' ' '
    printf '%s\n' "$lost" | head -n 1
    return $status
}

echo "davit: $("$davit" --version)"
"$davit" devices | grep -E '^(device|fpga)'
"$davit" bitstream list
state=$("$davit" devices | sed -n "s/^$card  *[a-z]* *\([a-z]*\) .*:\( .*\)/\1:\2/p")
case $state in
unusable:*)
    echo "fpga.sh: $card is $state" >&2
    exit 1
    ;;
esac
(command -v xbutil >/dev/null && xbutil examine 2>/dev/null | grep -E 'Version|xilinx|Alveo') || echo "no xbutil"
echo
printf '%-28s %-7s %6s  %s\n' check result time detail
row "bitstreams verify" "$davit" bitstream verify
row "conformance suite" "$suite" --device "$card"
for seed in 1 2 3 4; do
    row "random units, seed $seed" "$suite" --device "$card" --seed "$seed" --integer 3200
done
row "opened 20 times" "$rounds" 20 10000 "$card"
for argument in "$@"; do
    model=${argument%%:*}
    shape=
    [ "$model" = "$argument" ] || shape=${argument#*:}
    row "$(basename "$model")" share "$model" ${shape:+--shape "$shape"}
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
