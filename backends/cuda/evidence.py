#!/usr/bin/env python3
"""What nvcc makes of the CUDA kernels: registers, spills, shared memory, occupancy, and a census of
machine instructions, read from the cubin itself (cuobjdump is not needed).

  evidence.py --check [--only REGEX] [--arch 80]...   fails where a kernel spills or where the matrix
                                                      and dot instructions are not those expected
  evidence.py --write README.md                       writes the table between the README's markers

Without nvcc: says so, exit status 77."""
import argparse
import collections
import json
import math
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = ["depthwise.cu", "finish.cu", "portable.cu", "product_mma.cu", "product_simt.cu", "rows.cu",
           "transpose.cu"]

# CUDA C++ Programming Guide, "Technical specifications per compute capability": threads, blocks and
# bytes of shared memory of a multiprocessor; a block's own overhead of shared memory.
LIMITS = {75: (1024, 16, 64, 0), 80: (2048, 32, 164, 1), 86: (1536, 16, 100, 1),
          89: (1536, 24, 100, 1), 90: (2048, 32, 228, 1), 100: (2048, 32, 228, 1),
          120: (1536, 24, 100, 1)}
DEVICES = [("T4", 75, "t4"), ("A100", 80, "a100"), ("H100", 90, "h100")]
# Multiprocessors and clock at the peak of the data sheet (NVIDIA: T4, A100 80GB PCIe, H100 PCIe).
CLOCKS = {"t4": (40, 1.59e9), "a100": (108, 1.41e9), "h100": (114, 1.755e9)}
SHARED_BYTES_A_CYCLE = 128

# Threads of a block where they are not 256.
THREADS = {**dict.fromkeys(["softmax_f32_warp_128", "softmax_f32_warp_1024",
                            "layer_norm_f32_warp_1024"], 128),
           **dict.fromkeys(["reduce_f32", "softmax_f32", "layer_norm_f32", "instance_norm_f32",
                            "integer_softmax"], 64)}
# Of kernels that memory bounds, for each element made: operations, bytes that must be moved, and those
# that are. Rows: an exponential counts as 8; those that a block makes are read three times.
TRAFFIC = {"softmax_f32_warp_128": (12, 8, 8), "softmax_f32_warp_1024": (12, 8, 8),
           "softmax_f32_block": (20, 8, 16), "layer_norm_f32_warp_1024": (7, 8, 8),
           "layer_norm_f32_block": (9, 8, 16), "instance_norm_f32_block": (9, 8, 16),
           "softmax_f32": (20, 8, 16), "layer_norm_f32": (9, 8, 16),
           "instance_norm_f32": (9, 8, 16), "reduce_f32": (1, 4, 4),
           "unary_f32": (8, 8, 8), "binary_f32": (1, 12, 12), "compare_f32": (1, 9, 9),
           "finish_sums_s8": (9, 5, 5), "finish_sums_f32": (9, 8, 8),
           "integer_add": (9, 3, 3), "integer_mul": (7, 3, 3), "lookup": (1, 2, 2),
           "quantize_byte_linear": (5, 5, 5), "dequantize_byte_linear": (2, 5, 5),
           **{f"transpose_{n}": (0, 2 * n, 2 * n) for n in (1, 2, 4, 8)},
           **{f"fill_{n}": (0, n, n) for n in (1, 2, 4, 8)},
           # Elements that lie apart in x: of each sector of 32 bytes one.
           **{f"move_{n}": (0, 2 * n, n + 32) for n in (1, 2, 4, 8)}}

# The low 12 bits of an instruction. Nobody publishes them: found by compiling kernels with a known
# number of each, which --check repeats.
OPCODES = {"IMMA": {0x237}, "HMMA": {0x23C}, "IDP": {0x226, 0x426, 0x626}, "LDSM": {0x83B},
           "LDGSTS": {0xFAE}, "FFMA": {0x223, 0x423, 0x623, 0x823}}


def products(only=""):
    """The lines of products.def: name -> (macro, arguments)."""
    found = {}
    for line in (HERE / "kernels/products.def").read_text().splitlines():
        match = re.match(r"(PRODUCT_\w+)\((.*)\)$", line)
        if match and re.search(only, match[2].split(",")[0]):
            name, *rest = [word.strip() for word in match[2].split(",")]
            found[name] = (match[1], rest)
    return found


def compile_cubin(nvcc, source, arch, definitions, folder):
    """-> (resources of each kernel, path of the cubin)."""
    cubin = pathlib.Path(folder) / f"{pathlib.Path(source).stem}.{arch}.cubin"
    command = [nvcc, "-O3", "-std=c++17", f"-arch=sm_{arch}", "-Xptxas", "-v", "-cubin",
               f"-I{ROOT}/backends/gpu/include", *definitions, "-o", cubin,
               HERE / "kernels" / source]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"evidence.py: {source} for sm_{arch}: {done.stderr.strip()}")
    resources = {}
    name = None
    for line in done.stderr.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)'", line):
            name = match[1]
            resources[name] = {"spills": 0, "shared": 0}
        elif name and (match := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill", line)):
            resources[name]["spills"] = int(match[1]) + int(match[2])
        elif name and (match := re.search(r"Used (\d+) registers", line)):
            resources[name]["registers"] = int(match[1])
            if match := re.search(r"(\d+) bytes smem", line):
                resources[name]["shared"] = int(match[1])
            name = None
    return resources, cubin


def census(cubin):
    """Counts of opcodes of each kernel: 16 bytes an instruction, in sections .text.NAME."""
    data = cubin.read_bytes()
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    counts = {}
    for section in sections:
        begin = sections[names][4] + section[0]
        name = data[begin:data.index(b"\0", begin)].decode()
        if name.startswith(".text."):
            codes = collections.Counter(
                struct.unpack_from("<Q", data, at)[0] & 0xFFF
                for at in range(section[4], section[4] + section[5], 16))
            counts[name[6:]] = {op: sum(codes[c] for c in values)
                                for op, values in OPCODES.items()}
    return counts


def expected(macro, arguments, arch):
    """Instructions that a kernel must have, from its line in products.def: exact counts."""
    numbers = [int(word) for word in arguments[1:]]
    if macro == "PRODUCT_MMA":
        _, _, _, _, warp_m, warp_n, slices, depth, _ = numbers
        steps = depth // 32 // slices
        tiles = (warp_m // 16) * (warp_n // 8) * steps
        loads = (warp_m // 16 + warp_n // 16) * steps
        if arguments[0] == "s8":
            return {"IMMA": tiles * (1 if arch >= 80 else 4), "LDSM": loads, "IDP": 0}
        return {"HMMA": tiles, "LDSM": loads} if arch >= 80 else {}
    if macro == "PRODUCT_SIMT" and arguments[0] == "s8":
        rows, columns = numbers[4], numbers[5]
        chunk = 4 * rows * columns
        return {"IDP": chunk * (1 if chunk >= 128 else 4), "IMMA": 0}
    if macro == "PRODUCT_DEPTHWISE" and arguments[0] == "s8":
        return {"IDP": 4}
    return {}


def check(nvcc, only, architectures):
    wanted = products(only)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        part = pathlib.Path(folder) / "some.def"
        text = "".join(f"#ifndef {macro}\n#define {macro}(...)\n#endif\n"
                       for macro in ["PRODUCT_MMA", "PRODUCT_SIMT"])
        for name, (macro, rest) in wanted.items():
            if macro != "PRODUCT_DEPTHWISE":
                text += f"{macro}({', '.join([name, *rest])})\n"
        part.write_text(text)
        for arch in architectures:
            for source in ["product_mma.cu", "product_simt.cu", "depthwise.cu"]:
                resources, cubin = compile_cubin(nvcc, source, arch,
                                                 [f'-DDAVIT_PRODUCTS="{part}"'], folder)
                counts = census(cubin)
                for name in sorted(resources.keys() & wanted.keys()):
                    failed += check_kernel(name, wanted[name], arch, resources[name], counts[name])
    return failed


def check_kernel(name, line, arch, resources, counts):
    wrong = [f"{op} {counts[op]}, not {count}"
             for op, count in expected(*line, arch).items() if counts[op] != count]
    if line[0] != "PRODUCT_DEPTHWISE" and arch >= 80 and counts["LDGSTS"] == 0:
        wrong.append("no asynchronous copies")
    # The largest tile is not chosen on sm_75 (choose.c).
    if resources["spills"] and not (arch < 80 and "128x128" in name):
        wrong.append(f"spills {resources['spills']} bytes")
    print(f"sm_{arch} {name}: {resources['registers']} registers, {resources['spills']} bytes "
          f"spilled, {resources['shared']} bytes shared;",
          " ".join(f"{op} {n}" for op, n in counts.items() if n),
          "" if not wrong else "WRONG: " + "; ".join(wrong))
    return len(wrong)


def blocks_of(arch, threads, registers, shared):
    """Blocks of a kernel on a multiprocessor at once: 64 Ki registers, handed out by 256 a warp."""
    most_threads, most_blocks, kibibytes, overhead = LIMITS[arch]
    warps = math.ceil(threads / 32)
    by_registers = 65536 // (math.ceil(registers * 32 / 256) * 256) // warps
    by_shared = kibibytes * 1024 // (shared + overhead * 1024) if shared + overhead else 99
    return min(most_threads // 32 // warps, most_blocks, by_registers, by_shared)


def intensity(macro, arguments):
    """Operations for each byte that a tile reads; depthwise: 3x3, x read once, y written."""
    numbers = [int(word) for word in arguments[1:]]
    element = 1 if arguments[0] == "s8" else 4
    if macro == "PRODUCT_DEPTHWISE":
        return 2 * 9 / (2 * element)
    m, n = numbers[2], numbers[3]
    return 2 * m * n / (m + n) / element


def profile(name):
    data = json.loads((ROOT / f"scheduler/profile/shipped/{name}.json").read_text())
    compute = {key: value["value"] for key, value in data["compute"].items()}
    return compute, data["memory"]["bytes_per_s"]["value"]


def peaks(macro, arguments, device):
    """-> peak of the type (s8, or f32; TF32: half of f16), what the kernel's instructions can."""
    compute, _ = profile(device)
    peak = {"s8": compute["s8_ops_per_s"], "f32": compute["f32_flops_per_s"],
            "tf32": compute["f16_flops_per_s"] / 2}[arguments[0]]
    if arguments[0] == "s8" and macro != "PRODUCT_MMA":
        return peak, 4 * compute["f32_flops_per_s"]
    return peak, peak


def memory_share(macro, arguments, device):
    """Of the peak, when every tile's operands come from memory."""
    peak, units = peaks(macro, arguments, device)
    return min(units, intensity(macro, arguments) * profile(device)[1]) / peak


def shared_share(macro, arguments, device):
    """Of the peak, when they come from caches: by what goes through shared memory in a stage."""
    peak, units = peaks(macro, arguments, device)
    if macro == "PRODUCT_DEPTHWISE":
        return None
    numbers = [int(word) for word in arguments[1:]]
    threads, _, m, n = numbers[:4]
    element = 1 if arguments[0] == "s8" else 4
    if macro == "PRODUCT_MMA":
        warp_m, warp_n, slices, depth, _ = numbers[4:]
        reads = threads // 32 // slices * (warp_m + warp_n) * depth
    else:
        rows, columns = numbers[4:6]
        depth = 64
        reads = threads // 32 * (depth // 16) * 2 * (rows + columns) * SHARED_BYTES_A_CYCLE
    multiprocessors, clock = CLOCKS[device]
    cycles = (reads + (m + n) * depth) / SHARED_BYTES_A_CYCLE
    rate = 2 * m * n * (depth / element) / cycles * multiprocessors * clock
    return min(units, rate) / peak


def table(nvcc):
    resources = {}
    with tempfile.TemporaryDirectory() as folder:
        for _, arch, _ in DEVICES:
            for source in SOURCES:
                found, _ = compile_cubin(nvcc, source, arch, [], folder)
                for name, values in found.items():
                    resources[arch, name] = values
    out = ["| kernel | threads | registers sm_75, 80, 90 | shared bytes | warps a multiprocessor, of "
           "32, 64, 64 | operations a byte | % of peak from memory | % of peak from caches |",
           "|---|---|---|---|---|---|---|---|"]
    for name, (macro, rest) in products().items():
        threads = int(rest[1])
        each = [resources[arch, name] for _, arch, _ in DEVICES]
        warps = [blocks_of(arch, threads, r["registers"], r["shared"]) * threads // 32
                 for (_, arch, _), r in zip(DEVICES, each)]
        memory, shared = [], []
        for _, arch, device in DEVICES:
            for column, value in [(memory, memory_share(macro, rest, device)),
                                  (shared, shared_share(macro, rest, device))]:
                absent = value is None or (rest[0] == "tf32" and arch < 80)
                column.append("-" if absent else f"{100 * value:.0f}")
        out.append(f"| {name} | {threads} | {', '.join(str(r['registers']) for r in each)} | "
                   f"{', '.join(str(r['shared']) for r in each)} | "
                   f"{', '.join(map(str, warps))} | {intensity(macro, rest):.0f} | "
                   f"{', '.join(memory)} | {', '.join(shared)} |")
    out += ["", "The others. Where memory bounds them: operations for each byte that must be moved, "
            "and the share of the", "memory's rate that is left for such bytes when nothing else that "
            "a kernel moves comes from a cache.", "",
            "| kernel | threads | registers sm_75, 80, 90 | shared bytes | spilled bytes | warps a "
            "multiprocessor, of 32, 64, 64 | operations a byte | % of the memory's rate |",
            "|---|---|---|---|---|---|---|---|"]
    for name in sorted({name for _, name in resources} - products().keys()):
        each = [resources[arch, name] for _, arch, _ in DEVICES]
        threads = THREADS.get(name, 256)
        warps = [blocks_of(arch, threads, r["registers"], r["shared"]) * threads // 32
                 for (_, arch, _), r in zip(DEVICES, each)]
        operations, needed, moved = TRAFFIC.get(name, (0, 0, 0))
        model = f"{operations / needed:.1f} | {100 * needed // moved}" if needed else "- | -"
        out.append(f"| {name} | {threads} | {', '.join(str(r['registers']) for r in each)} | "
                   f"{max(r['shared'] for r in each)} | {max(r['spills'] for r in each)} | "
                   f"{', '.join(map(str, warps))} | {model} |")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvcc", default=shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="", help="kernels whose names match")
    parser.add_argument("--arch", type=int, action="append", help="75, 80, 90, ...; default 80")
    parser.add_argument("--write", metavar="README.md")
    options = parser.parse_args()
    if not shutil.which(options.nvcc):
        print("evidence.py: no nvcc: nothing of the GPU's own code was looked at")
        sys.exit(77)
    if options.check:
        failed = check(options.nvcc, options.only, options.arch or [80])
        print(f"{failed} wrong")
        sys.exit(1 if failed else 0)
    text = table(options.nvcc)
    if options.write:
        path = pathlib.Path(options.write)
        begin, end = "<!-- evidence.py: begin -->\n", "<!-- evidence.py: end -->\n"
        before, rest = path.read_text().split(begin)
        path.write_text(before + begin + text + "\n" + end + rest.split(end)[1])
    else:
        print(text)


if __name__ == "__main__":
    main()
