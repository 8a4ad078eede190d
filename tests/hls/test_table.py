"""davit-engine-table on the generated ResNet-50: every convolution is in it, their operations are
those of the network, and together they take at least 70 % of the array's peak."""
import pathlib
import subprocess
import sys
import tempfile

models, table = sys.argv[1:3]
with tempfile.TemporaryDirectory() as folder:
    model = pathlib.Path(folder) / "resnet50.onnx"
    subprocess.run([models, "resnet50", "--batch", "1", "--size", "224", "-o", model], check=True)
    text = subprocess.run([table, model], check=True, capture_output=True, text=True).stdout
lines = text.splitlines()
layers = [line for line in lines if "Conv" in line]
assert len(layers) == 53, len(layers)
macs = 0
cycles = 0
for line in layers:
    m, n, k = (int(x) for x in line[35:58].strip().rstrip("+").split("x"))
    macs += m * n * k
    cycles += int(line[58:].split()[0])
# 7x7x3 to 64, 16 bottlenecks, 4 of them with a projection.
expected = 112**2 * 64 * 147
for size, width, blocks, stride, before in ((56, 64, 3, 1, 64), (28, 128, 4, 2, 256),
                                            (14, 256, 6, 2, 512), (7, 512, 3, 2, 1024)):
    pixels = size * size
    expected += pixels * stride**2 * before * width + pixels * before * 4 * width
    expected += (blocks - 1) * pixels * 4 * width * width
    expected += blocks * (pixels * 9 * width * width + pixels * width * 4 * width)
assert macs == expected, (macs, expected)
total = next(line for line in lines if line.startswith("all convolutions"))
assert abs(int(total[58:].split()[0]) - cycles) <= len(layers), (total, cycles)
share = macs / cycles / 1792
assert abs(share * 100 - float(total.split()[-1].rstrip("%"))) < 0.1, total
assert share >= 0.70, share
