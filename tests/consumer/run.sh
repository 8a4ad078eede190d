#!/bin/sh
# Installs davit from a build folder into a scratch prefix and uses it from there: through its CMake
# package in C and C++, and through pkg-config.
#
#     run.sh BUILD SCRATCH MODEL.onnx [C and C++ FLAGS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
scratch=$2
model=$3
flags=${4:-}
if [ ! -e "$model" ]; then
    echo "$model is missing: apt-get install libonnx-testdata" >&2
    exit 1
fi

rm -rf "$scratch"
mkdir -p "$scratch"
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >"$scratch/install.log"

cmake -S "$here" -B "$scratch/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" >"$scratch/configure.log"
cmake --build "$scratch/build" >"$scratch/build.log"
"$scratch/build/examples/run_model" "$model"
"$scratch/build/examples/pipeline" "$model" 50
models=$here/../../build/models
if ! "$prefix/bin/davit" devices | grep -q '^cpu .* ready '; then
    echo "read_text is left out: on the plain C reference alone it takes minutes"
elif [ -e "$models/ppocrv4-rec.onnx" ] && [ -e "$models/ppocrv4-det.onnx" ]; then
    "$scratch/build/examples/read_text" "$models/ppocrv4-det.onnx" "$models/ppocrv4-rec.onnx" \
        "$models/page.png" | tee "$scratch/text"
    grep -q 'Region-based segmentation$' "$scratch/text"
    grep -q 'Let us first determine markers of the coins and the$' "$scratch/text"
fi
"$scratch/build/use_from_cxx"

pc=$(dirname "$(find "$prefix" -name davit.pc)")
PKG_CONFIG_PATH=$pc
export PKG_CONFIG_PATH
# The flags are words.
# shellcheck disable=SC2046,SC2086
${CC:-cc} $flags "$here/../../examples/run_model.c" $(pkg-config --cflags --libs davit) \
    -o "$scratch/run_model"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir davit) "$scratch/run_model" "$model"

# The emulated CUDA driver is found in the installation, and nowhere else.
emulated=$(find "$prefix" -name libdavit-cudaemu.so)
if [ -n "$emulated" ]; then
    LD_DEBUG=files "$prefix/bin/davit" run "$model" --devices cuda:emu,reference --verify \
        >"$scratch/emulated.log" 2>&1 || { tail -2 "$scratch/emulated.log" && exit 1; }
    grep -q "calling init: $(realpath "$emulated")" "$scratch/emulated.log"
    grep ' cuda:emu ' "$scratch/emulated.log" | grep -v emulated
fi
