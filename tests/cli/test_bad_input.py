"""Every mistake a user can make: exit 1, one line on stderr that names the file or node.

usage: test_bad_input.py DAVIT (run by the Python of build/peers, which has onnx and numpy)
"""
import os
import resource
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DAVIT = None


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs=None, outputs=None, initializers=()):
    graph = helper.make_graph(
        nodes,
        "g",
        inputs or [tensor("x", [2, 3])],
        outputs or [tensor("y", None)],
        initializer=list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


RELU = helper.make_node("Relu", ["x"], ["y"], name="relu1")


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save(self, proto, name="m.onnx"):
        with open(self.path(name), "wb") as file:
            file.write(proto if isinstance(proto, bytes) else proto.SerializeToString())
        return self.path(name)

    def run_davit(self, *words):
        # Whatever a file says of its sizes, nothing large is allocated before it is checked.
        return subprocess.run([DAVIT, *words], capture_output=True, text=True, errors="replace",
                              timeout=60, check=False, preexec_fn=limit_memory)

    def refuse(self, *words, names=(), code=1):
        done = self.run_davit(*words)
        lines = done.stderr.splitlines()
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("davit: error: "), lines[0])
        for name in names:
            self.assertIn(name, lines[0])
        return lines[0]

    def test_files_that_are_no_models(self):
        self.refuse("run", self.path("none.onnx"), names=["none.onnx"])
        self.refuse("run", self.folder.name, names=[self.folder.name])
        self.refuse("run", self.save(b"", "empty.onnx"), names=["empty.onnx"])
        self.refuse("run", self.save(b"This is a text file.\n" * 50, "t.onnx"), names=["t.onnx"])
        whole = model([RELU]).SerializeToString()
        self.refuse("run", self.save(whole[: len(whole) // 2], "cut.onnx"), names=["cut.onnx"])

    def test_broken_graphs(self):
        two = [helper.make_node("Relu", ["x"], ["y"], name="a"),
               helper.make_node("Relu", ["x"], ["y"], name="b")]
        cycle = [helper.make_node("Add", ["x", "z"], ["y"], name="c1"),
                 helper.make_node("Relu", ["y"], ["z"], name="c2")]
        self.refuse("run", self.save(model(two)), names=["'y'"])
        self.refuse("run", self.save(model(cycle)), names=["c"])
        unknown = [helper.make_node("Frobnicate", ["x"], ["y"], name="frob")]
        self.refuse("run", self.save(model(unknown)), names=["frob", "Frobnicate"])
        missing = [helper.make_node("Relu", ["nothing"], ["y"], name="r")]
        self.refuse("run", self.save(model(missing)), names=["nothing"])
        output = model([RELU], outputs=[tensor("other", None)])
        self.refuse("run", self.save(output), names=["other"])
        attribute = [helper.make_node("Softmax", ["x"], ["y"], name="s", axis="one")]
        self.refuse("run", self.save(model(attribute)), names=["s", "axis"])
        bad_axis = [helper.make_node("Softmax", ["x"], ["y"], name="soft", axis=7)]
        self.refuse("run", self.save(model(bad_axis)), names=["soft"])
        shapes = model([helper.make_node("Add", ["x", "w"], ["y"], name="add")],
                       initializers=[numpy_helper.from_array(np.zeros((2, 4), "f4"), "w")])
        self.refuse("run", self.save(shapes), names=["add"])
        newer = model([RELU])
        newer.opset_import[0].version = 99
        self.refuse("run", self.save(newer), names=["99"])

    def test_sizes_that_do_not_fit(self):
        huge = model([RELU], inputs=[tensor("x", [1 << 40, 1 << 40])])
        self.refuse("run", self.save(huge), names=["x"])
        expand = model(
            [helper.make_node("Expand", ["x", "s"], ["y"], name="grow")],
            inputs=[tensor("x", [1])],
            initializers=[numpy_helper.from_array(np.array([1 << 33, 1 << 33]), "s")])
        self.refuse("run", self.save(expand), names=["grow"])
        initializer = model([RELU], initializers=[])
        weight = initializer.graph.initializer.add()
        weight.name = "w"
        weight.data_type = TensorProto.FLOAT
        weight.dims.extend([1 << 20, 1 << 20])
        weight.raw_data = b"abcd"
        self.refuse("run", self.save(initializer), names=["'w'"])

    def test_external_data(self):
        def external(location, length=24):
            proto = model([helper.make_node("Add", ["x", "w"], ["y"], name="add")])
            weight = proto.graph.initializer.add()
            weight.name = "w"
            weight.data_type = TensorProto.FLOAT
            weight.dims.extend([2, 3])
            weight.data_location = TensorProto.EXTERNAL
            for key, value in (("location", location), ("length", str(length))):
                entry = weight.external_data.add()
                entry.key, entry.value = key, value
            return self.save(proto)

        with open(self.path("short.bin"), "wb") as file:
            file.write(b"1234")
        os.symlink("/etc/hostname", self.path("link.bin"))
        self.refuse("run", external("missing.bin"), names=["missing.bin"])
        self.refuse("run", external("../m.bin"), names=["../m.bin"])
        self.refuse("run", external("/etc/hostname"), names=["/etc/hostname"])
        self.refuse("run", external("link.bin"), names=["link.bin"])
        self.refuse("run", external("short.bin"), names=["short.bin"])

    def test_inputs(self):
        path = self.save(model([RELU]))
        array = self.path("a.npy")
        np.save(array, np.zeros((2, 3), "f4"))
        self.refuse("run", path, "--input", "z=" + array, names=["z", "'x'"])
        self.refuse("run", path, "--input", "x=" + self.path("none.npy"), names=["none.npy"])
        self.refuse("run", path, "--shape", "x=2x4", names=["x"])
        self.refuse("run", path, "--shape", "x=2xx", names=["x=2xx"])
        self.refuse("run", path, "--shape", "x=2x3", "--shape", "x=2x3", names=["x=2x3", "twice"])
        self.refuse("run", path, "--preprocess", "0,1,cmyk", names=["cmyk"])
        np.save(array, np.zeros((3, 3), "f4"))
        self.refuse("run", path, "--input", "x=" + array, names=["x", "3x3", "2x3"])
        np.save(array, np.zeros((2, 3), "f8"))
        self.refuse("run", path, "--input", "x=" + array, names=["x", "f64", "f32"])
        with open(array, "wb") as file:
            file.write(b"\x93NUMPY rubbish")
        self.refuse("run", path, "--input", "x=" + array, names=["a.npy"])
        self.refuse("run", path, "--input", "x=" + path, names=["m.onnx"])
        open_batch = self.save(model([RELU], inputs=[tensor("x", ["N", 3])]), "n.onnx")
        self.refuse("run", open_batch, names=["x", "N", "--shape"])

    def test_odd_names(self):
        """Names that file names and NAME=VALUE have to cope with."""
        first, second = "a=b", "n" * 300
        nodes = [helper.make_node("Relu", [first], ["o/=p"]),
                 helper.make_node("Neg", [first], ["o_=p"]),
                 helper.make_node("Neg", [second], ["o__p"])]
        path = self.save(model(nodes, [tensor(first, ["N"]), tensor(second, ["M"])],
                               [tensor(node.output[0], None) for node in nodes]))
        array = self.path("a=.npy")
        np.save(array, np.array([1, -2], "f4"))
        done = self.run_davit("run", path, "--input", first + "=" + array, "--shape",
                              second + "=3", "--output", self.path("o"), "--pin", "o/=p=reference")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(self.path("o"))),
                         ["o__p.npy", "o__p_2.npy", "o__p_3.npy"])
        self.assertEqual(np.load(self.path("o/o__p.npy")).tolist(), [1, 0])
        self.assertEqual(np.load(self.path("o/o__p_2.npy")).tolist(), [-1, 2])
        self.assertIn("'o_=p' is written to o__p_2.npy", done.stderr)

    def test_devices_pins_and_plans(self):
        path = self.save(model([RELU]))
        self.refuse("run", path, "--devices", "gpu9", names=["gpu9", "reference"])
        self.refuse("run", path, "--precision", "f17", names=["--precision f17", "tf32"])
        for command in ("run", "bench", "plan"):
            self.refuse(command, path, "--devices", "reference", "--precision", "tf32",
                        names=["tf32", "(reference)", "NVIDIA"])
            self.refuse(command, path, "--devices", "reference", "--precision", "bf16",
                        names=["bf16", "(reference)", "AVX-512"])
        self.refuse("plan", path, "--devices", "profile:h100", "--precision", "bf16",
                    names=["(profile:h100)"])
        self.refuse("plan", path, "--devices", "profile:t4,reference", "--precision", "tf32",
                    names=["(profile:t4, reference)"])
        self.refuse("run", path, "--devices", "reference", "--pin", "nobody=reference",
                    names=["nobody"])
        self.refuse("run", path, "--devices", "reference", "--pin", "relu1=gpu9", names=["gpu9"])
        self.refuse("run", path, "--devices", "reference", "--plan", self.path("none.json"), names=["none.json"])
        with open(self.path("p.json"), "w", encoding="ascii") as file:
            file.write("{ not json")
        self.refuse("run", path, "--devices", "reference", "--plan", self.path("p.json"), names=["p.json"])

    def test_profiles(self):
        path = self.save(model([RELU]))
        only = "exists only as a profile"
        self.refuse("run", path, "--devices", "profile:u250,cpu", names=["profile:u250", only, "fpga:0"])
        self.refuse("bench", path, "--devices", "profile:a100", names=["profile:a100", only])
        self.refuse("plan", path, "--devices", "profile:none", names=["none", "a100", "u250"])
        self.refuse("plan", path, "--devices", "profile:../a100", names=["../a100"])
        self.refuse("plan", path, "--devices", "profile:", names=["no profile ''"])
        self.refuse("plan", path, "--devices", "profile:t4,profile:t4", names=["profile:t4", "twice"])
        self.refuse("plan", path, "--devices", "profile:t4", "--profiles", self.path("none"), names=["none"])
        self.refuse("devices", "--profiles", self.path("none"), names=["none"])
        with open(self.path("mine.json"), "w", encoding="ascii") as file:
            file.write('{"schema_version": 1, "name": "x", "kind": "gpu", "launch_ns": -1}')
        for words in (["plan", path, "--devices", "profile:mine"], ["devices"]):
            self.refuse(*words, "--profiles", self.path("mine.json"), names=["mine.json", "not a folder"])
        self.refuse("plan", path, "--devices", "profile:mine", "--profiles", self.path(""),
                    names=["mine.json", "launch_ns is -1"])
        listed = self.run_davit("devices", "--profiles", self.path(""))
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertRegex(listed.stdout, "profile:mine +damaged .*launch_ns is -1")
        self.assertRegex(listed.stdout, "profile:u250 +plan only")
        self.assertEqual(listed.stderr, "")
        os.rename(self.path("mine.json"), self.path("my card.json"))
        listed = self.run_davit("devices", "--profiles", self.path(""))
        self.assertIn("my card.json is passed over", listed.stderr)

    def test_plan_for_another_model(self):
        path = self.save(model([RELU]))
        plan = self.path("p.json")
        made = self.run_davit("plan", path, "--devices", "reference", "-o", plan)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(self.run_davit("run", path, "--plan", plan).returncode, 0)
        other = self.save(model([helper.make_node("Abs", ["x"], ["y"])]), "other.onnx")
        self.refuse("run", other, "--devices", "reference", "--plan", plan, names=["p.json"])

    def test_outputs_that_cannot_be_written(self):
        path = self.save(model([RELU]))
        self.refuse("run", path, "--devices", "reference", "--output", path, names=["m.onnx"])
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([DAVIT, "run", path, "--devices", "reference"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_placement_problems(self):
        node = '{"id":%s,"supportedOnFpga":1,"cpuLatency":2,"fpgaLatency":1,"size":9}'
        file = '{"maxSizePerFPGA":%s,"maxFPGAs":1,"maxCPUs":%s,"nodes":[%s],"edges":[%s]}'
        edge = '{"sourceId":%s,"destId":%s,"cost":1}'
        two = node % 1 + "," + node % 2

        def problem(*parts):
            return self.save((file % parts).encode(), "problem.json")

        self.refuse("plan", "--problem", self.path("none.json"), names=["none.json"])
        self.refuse("plan", "--problem", self.save(b"{", "p.json"), names=["p.json", "line 1"])
        self.refuse("plan", "--problem", problem(9, 1, two, edge % (1, 3)), names=["node 3"])
        circle = edge % (1, 2) + "," + edge % (2, 1)
        self.refuse("plan", "--problem", problem(9, 1, two, circle), names=["circle", "node 1"])
        self.refuse("plan", "--problem", problem(8, 0, two, ""), names=["node 1", "9 bytes", "8"])
        self.refuse("plan", "--problem", problem(9, 0, two, ""), names=["node 2 (9 bytes)", "accelerator:0 has 0 of 9 bytes"])
        good = problem(9, 1, two, edge % (1, 2))
        self.refuse("plan", "--problem", good, "--objective", "energy", names=["energy"])
        self.refuse("plan", "--problem", good, "--objective", "speed", names=["speed"])
        self.refuse("plan", "--problem", good, "m.onnx", names=["m.onnx"], code=2)
        for objective in ("latency", "throughput"):
            done = self.run_davit("plan", "--problem", good, "--objective", objective)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("gap 0.00 %", done.stdout)

    def test_usage(self):
        self.refuse("frob", names=["frob"], code=2)
        self.refuse("run", "a", "b", code=2)
        self.refuse("run", "--frob", names=["--frob"], code=2)
        self.refuse("check", code=2)
        self.refuse("check", self.path("none"), names=["none"])
        self.refuse("check", self.folder.name, names=[self.folder.name])
        self.refuse("devices", "--topology", self.path("none.xml"), names=["none.xml"])
        for command in ("devices", "run", "plan", "check", "bench", "calibrate"):
            done = self.run_davit(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("usage: davit " + command, done.stdout)


if __name__ == "__main__":
    DAVIT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
