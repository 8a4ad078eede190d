#!/bin/sh
# Builds and tests Davit in every configuration that must pass: `tests/run-all.sh [STEP...]`.
#
# ./bootstrap test calls it when packages, peers and models are there. Each step is a function
# step_NAME below and a word in STEPS; all run even when one fails. Logs: build/logs/NAME.log.
# Exit status: 0 all passed, 1 something failed, 2 usage.
set -eu

STEPS="release dnnl3 asan tsan clang minimal"

cd "$(dirname "$0")/.."
root=$(pwd)
logs=build/logs
mkdir -p "$logs"
export OMP_WAIT_POLICY=passive # tests share the cores
export XDG_CACHE_HOME="$root/build/cache" # what a user measured changes no plan of a test
jobs=$(nproc)

# build PRESET FOLDER [cmake options]
build() {
    preset=$1
    folder=$2
    shift 2
    cmake --preset "$preset" -B "build/$folder" "$@"
    cmake --build "build/$folder" -j "$jobs"
}

# run_tests FOLDER [ctest options]
run_tests() {
    folder=$1
    shift
    ctest --test-dir "build/$folder" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

# print_failures LOG: what failed tests printed, up to 60 lines each; else the log's end
print_failures() {
    awk '/^ *[0-9]+\/[0-9]+ Test +#|^ +Start +[0-9]+: |tests passed/ {
             shown = /\*\*\*(Failed|Exception|Timeout)/; lines = 0 }
         shown && ++lines <= 60 { print; any = 1 }
         END { exit !any }' "$1" || tail -n 80 "$1"
}

# gcc, warnings are errors, all tests. nvcc makes code for three of the GPUs, here only.
step_release() {
    build release release -DDAVIT_WERROR=ON "-DDAVIT_CUDA_ARCHITECTURES=75;80;90"
    run_tests release
}

# The same with oneDNN 3.2 in the place of Debian's 2.6.
step_dnnl3() {
    build release dnnl3 -DDAVIT_BACKEND_ONEDNN=ON -DDAVIT_NVCC=OFF \
        -DCMAKE_PREFIX_PATH="$root/build/onednn-3.2"
    run_tests dnnl3 -LE "models|rtl|opencl|xrt|browser|timing"
}

# PoCL brings LLVM and threads of its own into every process that looks for devices, and the sanitizers
# report both: steps with them see an OpenCL loader without drivers.
no_opencl=/nonexistent

# AddressSanitizer and UndefinedBehaviorSanitizer; what peers compare is left to the other steps.
step_asan() {
    build asan asan -DDAVIT_NVCC=OFF
    OCL_ICD_VENDORS=$no_opencl \
        LSAN_OPTIONS="suppressions=$root/tests/support/lsan.supp:print_suppressions=0" \
        UBSAN_OPTIONS=print_stacktrace=1 run_tests asan -LE "peers|long|opencl|xrt|browser|timing"
}

# ThreadSanitizer over everything but CBC and oneDNN, whose OpenMP it does not understand.
step_tsan() {
    build tsan tsan -DDAVIT_BACKEND_ONEDNN=OFF -DDAVIT_NVCC=OFF -DDAVIT_CBC=OFF
    OCL_ICD_VENDORS=$no_opencl TSAN_OPTIONS=halt_on_error=1 run_tests tsan -LE "peers|long|opencl|xrt|browser|timing"
}

# clang, warnings are errors; compiles only.
step_clang() {
    build debug clang -DCMAKE_C_COMPILER=clang -DDAVIT_NVCC=OFF
}

# Without any optional backend.
step_minimal() {
    build minimal minimal -DDAVIT_WERROR=ON
    run_tests minimal -LE "peers|long|xrt|browser|timing"
}

# Started by the loop below: one step in a process of its own, where -e holds.
if [ "${1:-}" = --step ]; then
    "step_$2"
    exit
fi

for name in "$@"; do
    case " $STEPS " in
    *" $name "*) ;;
    *)
        echo "tests/run-all.sh: no step $name; there are: $STEPS" >&2
        exit 2
        ;;
    esac
done
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $STEPS

number=0
failed=
tested=
for name in "$@"; do
    number=$((number + 1))
    printf '(%d/%d) %s ... ' "$number" $# "$name"
    begin=$(date +%s)
    if "$root/tests/run-all.sh" --step "$name" >"$logs/$name.log" 2>&1 </dev/null; then
        echo "passed, $(($(date +%s) - begin)) s"
    else
        echo "FAILED, $(($(date +%s) - begin)) s"
        failed="$failed $name"
    fi
    ! grep -q 'tests passed' "$logs/$name.log" || tested="$tested $name"
done

for name in $failed; do
    echo "$name failed; from $logs/$name.log:"
    print_failures "$logs/$name.log"
done

# ctest's closing lines, once more.
for name in $tested; do
    echo "$name:"
    sed -n '/tests passed/,$p' "$logs/$name.log"
done
[ -z "$failed" ] || {
    echo "tests/run-all.sh: failed:$failed (logs: $logs/)" >&2
    exit 1
}
