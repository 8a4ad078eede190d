"""The networks that the scripts of this folder measure, and how their files are made."""
import os
import shutil
import subprocess

OCR = ("ppocrv4-det", "ppocrv4-rec")


def path(folder, name, int8):
    return os.path.join(folder, name + ("-int8" if int8 else "") + ".onnx")


def make(folder, names, davit, davit_models, ocr=None, quantised=None):
    """Makes the files of the named networks that FOLDER lacks, and 8-bit forms of those in
    `quantised` (all when None). The PP-OCR files come from the folder ocr (models/fetch fills it).
    BERT is quantised by onnxruntime.quantization: needs a Python that has it."""
    for name in names:
        plain = path(folder, name, False)
        if not os.path.exists(plain):
            if name in OCR:
                shutil.copy(os.path.join(ocr, name + ".onnx"), plain)
            else:
                subprocess.run([davit_models, name, "-o", plain], check=True)
        wanted = quantised is None or name in quantised
        if wanted and not os.path.exists(path(folder, name, True)):
            quantise(folder, name, davit)


def quantise(folder, name, davit):
    import numpy as np
    random = np.random.default_rng(1)
    plain, quantised = path(folder, name, False), path(folder, name, True)
    if name == "bert-base":
        quantise_bert(plain, quantised, random)
        return
    samples = os.path.join(folder, "samples.npy")
    if name in OCR:
        shape = (2, 3, 320, 640)
        np.save(samples, random.uniform(-1, 1, shape).astype("f4"))
    else:
        shape = (4, 3, 224, 224)
        np.save(samples, random.standard_normal(shape).astype("f4"))
    shape = "%s=1x%s" % ("x" if name in OCR else "input", "x".join(str(d) for d in shape[1:]))
    subprocess.run([davit, "quantize", plain, "-c", samples, "-s", shape, "-o", quantised],
                   check=True, capture_output=True)


def quantise_bert(plain, quantised, random):
    import numpy as np
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Samples(CalibrationDataReader):
        def __init__(self):
            self.rest = [{"input_ids": random.integers(0, 30000, (1, 128)),
                          "attention_mask": np.ones((1, 128), "i8")}]

        def get_next(self):
            return self.rest.pop() if self.rest else None

    quantize_static(plain, quantised, Samples(), per_channel=True,
                    op_types_to_quantize=["MatMul", "Gemm"])
