#!/bin/sh
# Quantised networks on an emulated card: the share of multiply-accumulates there, whether the bytes are
# the reference's, and how long it takes. A line each; exit 1 where less than 90 % are on the card or a
# byte differs.
#
# usage: tests/xrt/networks.sh [--rtl] [BUILD] MODEL.onnx[:INPUT=SHAPE]...
set -eu
rtl=
[ "${1:-}" != --rtl ] || {
    rtl=--rtl
    shift
}
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/release
[ ! -d "${1:-}" ] || {
    build=$1
    shift
}
[ $# -gt 0 ] || {
    sed -n '6s/^# //p' "$0" >&2
    exit 2
}
davit=$build/host/cli/davit
report=$(mktemp)
trap 'rm -f "$report"' EXIT
export OMP_WAIT_POLICY=passive
failed=0
for argument in "$@"; do
    model=${argument%%:*}
    shape=
    [ "$model" = "$argument" ] || shape=${argument#*:}
    begin=$(date +%s.%N)
    status=0
    # shellcheck disable=SC2086 # options that may be none
    "$davit" emulate $rtl -- "$davit" run "$model" ${shape:+--shape "$shape"} \
        --devices fpga:emu,cpu --verify --json >"$report" || status=$?
    end=$(date +%s.%N)
    python3 - "$report" "$model" "$status" "$begin" "$end" <<'END' || failed=1
import json, os, sys

path, model, status, begin, end = sys.argv[1:]
name = os.path.basename(model)
seconds = float(end) - float(begin)
try:
    run = json.load(open(path))
except ValueError:
    print(f"{name}: no report (exit {status}), {seconds:.1f} s")
    sys.exit(1)
card = [d for d in run["devices"] if d["device"].startswith("fpga")]
share = sum(d["share"] for d in card)
units = sum(d["units"] for d in card)
wrong = sum(o["verify"]["wrong"] for o in run["outputs"])
greatest = max(o["verify"]["greatest_difference"] for o in run["outputs"])
print(f"{name}: {units} of {len(run['units'])} units and {100 * share:.2f} % of the multiply-accumulates "
      f"on the card, greatest difference {greatest:g}, run {run['median_ns'] * 1e-9:.2f} s, "
      f"all {seconds:.1f} s")
sys.exit(0 if share >= 0.9 and wrong == 0 and greatest == 0 and status == "0" else 1)
END
done
exit $failed
