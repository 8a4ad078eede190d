"""No allocation after the first inference of a shape: allocations.c over networks of both kinds.

usage: allocations.py ALLOCATIONS DAVIT DAVIT_MODELS FOLDER
"""
import array
import os
import subprocess
import sys

NETWORKS = {
    "resnet20": ["input=2x3x32x32"],
    "mobilenetv2": ["input=1x3x224x224"],
    "bert-tiny": ["input_ids=1x16", "attention_mask=1x16"],
}
QUANTISED = ("resnet20", "mobilenetv2")


def write_npy(path, shape):
    values = array.array("f", (((i * 37) % 101) / 50 - 1 for i in range(
        shape[0] * shape[1] * shape[2] * shape[3])))
    head = ("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (shape,)).encode()
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head)
        values.tofile(file)


def main():
    program, davit, davit_models, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    words = []
    for name, shapes in NETWORKS.items():
        plain = os.path.join(folder, name + ".onnx")
        subprocess.run([davit_models, name, "-o", plain], check=True)
        words += [plain, *shapes]
        if name in QUANTISED:
            dims = [int(d) for d in shapes[0].split("=")[1].split("x")]
            samples = os.path.join(folder, "samples.npy")
            write_npy(samples, (2, *dims[1:]))
            small = "input=1x" + "x".join(str(d) for d in dims[1:])
            subprocess.run([davit, "quantize", plain, "-c", samples, "-s", small, "-o",
                            plain + ".int8.onnx"], check=True, stdout=subprocess.DEVNULL)
            words += [plain + ".int8.onnx", *shapes]
    sys.exit(subprocess.run([program, *words], check=False).returncode)


main()
