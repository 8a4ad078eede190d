#!/usr/bin/env python3
"""Runs the engine's tests on mutated copies of the kernels: every mutation must be caught.

    hls/mutate/run.py [--only NAME]... [--count SHAPES]

Each mutation of mutations.txt is patched into a copy of hls/, the kernels are compiled with g++ and
linked with the tests; caught means that the golden vectors or random shapes fail, or that nothing
comes back in a minute. The unmutated kernels must pass. Exit 0 when all are caught."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = {"gemm": "gemm_s8/gemm_s8.cpp", "small": "tests/hls/gemm_s8_small.cpp",
           "vector": "vector_s8/vector_s8.cpp"}
C_FLAGS = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O1", "-ffp-contract=off"]
CXX_FLAGS = ["-std=c++14", "-O1", "-w", "-ffp-contract=off", "-DDAVIT_CSIM"]


def read_mutations():
    for line in (ROOT / "hls/mutate/mutations.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, file, text, mutated = line.split(" | ")
            yield name, file, text.replace("\\n", "\n"), mutated.replace("\\n", "\n")


def compile_c(folder):
    """Objects of everything but the kernels: made once."""
    sources = [*ROOT.glob("tests/hls/engine_*.c"), *ROOT.glob("hls/abi/*.c"),
               *ROOT.glob("host/core/*.c"), ROOT / "tests/hls/check.c",
               ROOT / "tests/hls/test_golden.c"]
    includes = [f"-I{ROOT / i}" for i in ("tests/hls", "tests/support", "hls/abi/include", "hls/abi",
                                         "host/core/include", "host/core")]
    define = f'-DDAVIT_GOLDEN_DIR="{ROOT}/tests/golden"'
    objects = []
    for source in sources:
        objects.append(folder / f"{source.parent.name}_{source.stem}.o")
        subprocess.run(["gcc", *C_FLAGS, define, *includes, "-c", str(source), "-o", objects[-1]],
                       check=True)
    return objects


def compile_kernels(hls, names, folder):
    includes = [f"-I{hls / i}" for i in ("csim", "kernel", "gemm_s8", "vector_s8", "abi/include")]
    jobs = []
    for name in names:
        source = ROOT / KERNELS[name] if name == "small" else hls / KERNELS[name]
        command = ["g++", *CXX_FLAGS, *includes, "-c", str(source), "-o", folder / f"{name}.o"]
        jobs.append(subprocess.Popen(command, stderr=subprocess.PIPE))
    for job in jobs:
        text = job.communicate()[1].decode()
        if job.returncode != 0:
            sys.exit(f"a mutation does not compile:\n{text[:2000]}")


def link(c_objects, kernels, folder):
    """The two test programs."""
    programs = []
    for main, other in (("hls_check", "hls_test_golden"), ("hls_test_golden", "hls_check")):
        objects = [o for o in c_objects if o.stem != other]
        programs.append(folder / f"program_{main}")
        subprocess.run(["g++", *objects, *kernels, "-o", programs[-1], "-lcmocka", "-lm"],
                       check=True)
    return programs


def passes(programs, count):
    check, golden = programs
    for command in ([golden], [check, "--count", str(count)],
                    [check, "--kernel", "vector", "--count", str(count)]):
        try:
            result = subprocess.run(command, capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            return False
        if result.returncode != 0:
            return False
    return True


def affected(file):
    return {"gemm_s8": ["gemm", "small"], "vector_s8": ["vector"]}.get(file.split("/")[0],
                                                                      list(KERNELS))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args()
    mutations = list(read_mutations())
    unknown = set(options.only) - {m[0] for m in mutations}
    if unknown:
        sys.exit(f"no such mutation: {', '.join(sorted(unknown))}")
    if options.only:
        mutations = [m for m in mutations if m[0] in options.only]
    survived = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        c_objects = compile_c(folder)
        sound = folder / "sound"
        sound.mkdir()
        compile_kernels(ROOT / "hls", KERNELS, sound)
        csim = [sound / "csim.o", sound / "simulation.o"]
        for source, out in ((ROOT / "hls/csim/csim.cpp", csim[0]),
                            (ROOT / "tests/hls/simulation.cpp", csim[1])):
            subprocess.run(["g++", *CXX_FLAGS, f"-I{ROOT}/hls/csim", "-c", str(source), "-o", out],
                           check=True)
        if not passes(link(c_objects, [sound / f"{k}.o" for k in KERNELS] + csim, folder),
                      options.count):
            sys.exit("the unmutated kernels fail")
        for mutation, file, text, mutated in mutations:
            work = folder / mutation
            shutil.copytree(ROOT / "hls", work / "hls")
            path = work / "hls" / file
            source = path.read_text()
            if text not in source:
                sys.exit(f"{mutation}: not in {file}: {text}")
            path.write_text(source.replace(text, mutated))
            names = affected(file)
            compile_kernels(work / "hls", names, work)
            kernels = [(work if k in names else sound) / f"{k}.o" for k in KERNELS]
            caught = not passes(link(c_objects, kernels + csim, work), options.count)
            print(f"{'caught' if caught else 'SURVIVED'}: {mutation}", flush=True)
            if not caught:
                survived.append(mutation)
            shutil.rmtree(work)
    print(f"{len(mutations) - len(survived)} of {len(mutations)} mutations caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
