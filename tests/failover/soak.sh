#!/bin/sh
# Random faults on devices that break (tests/support/opaque_backend.h), for a while, each process a new
# seed: sessions under three threads whose devices fail, and random schedules. Nothing may differ, leak,
# hang, or be found by the sanitizer that BUILD was made with.
# usage: tests/failover/soak.sh BUILD [MINUTES=20]
set -eu
build=$1
end=$(($(date +%s) + ${2:-20} * 60))
root=$(cd "$(dirname "$0")/../.." && pwd)
export TSAN_OPTIONS="halt_on_error=1 suppressions=$root/tests/support/tsan.supp"
export LSAN_OPTIONS="suppressions=$root/tests/support/lsan.supp"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
seed=1
while [ "$(date +%s)" -lt "$end" ]; do
    if ! DAVIT_FAILOVER_SEED=$seed DAVIT_FAILOVER_ROUNDS=50 \
        timeout 900 "$build/tests/api/test_api_failover" > "$log" 2>&1; then
        cat "$log"
        echo "soak: failed at seed $seed: DAVIT_FAILOVER_SEED=$seed DAVIT_FAILOVER_ROUNDS=50" >&2
        exit 1
    fi
    seed=$((seed + 1))
done
echo "soak: $((seed - 1)) processes of 50 rounds of random faults, none failed"
