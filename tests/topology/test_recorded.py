"""What davit makes of recorded machines, against a reading of the same XML by Python.

usage: test_recorded.py DAVIT

Only what kind a device is, is written down here (KINDS); addresses, links, paths, nearest nodes,
distances and routes are worked out from the file.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

FOLDER = os.path.dirname(os.path.abspath(__file__))
DAVIT = None

GPU, FPGA, DISPLAY, OTHER = "gpu", "fpga", "display", "accelerator"

# By file: of each vendor:device that is of interest its kind, and whether it can be offloaded to.
KINDS = {
    "nvidiaDGX2.xml": {"10de:1db8": (GPU, True)},
    "power8gpudistances.xml": {"10de:15f9": (GPU, True)},
    "32em64t-2n8c2t-pci-wholeio.xml": {
        "10de:1094": (GPU, True), "1002:6798": (GPU, True), "102b:0532": (DISPLAY, False)},
    "fpga-gpu-mixed.xml": {
        "10de:1db8": (GPU, True), "10ee:5001": (FPGA, True), "1d0f:f010": (FPGA, True),
        "1d0f:7164": (FPGA, False)},
    "desktop.xml": {
        "8086:a780": (GPU, True), "1002:744c": (GPU, True), "8086:7d1d": (OTHER, False)},
    "server.xml": {
        "10de:20b5": (GPU, True), "10de:1db4": (GPU, True), "1002:74a1": (GPU, True),
        "1002:740f": (GPU, True), "10ee:500c": (FPGA, True), "10ee:500d": (FPGA, True),
        "1d0f:f000": (FPGA, True), "1a03:2000": (DISPLAY, False), "1002:515e": (DISPLAY, False),
        "1234:1111": (DISPLAY, False), "1b4b:0001": (DISPLAY, False)},
    "wide_domain.xml": {"10de:1db4": (GPU, True)},
    "two_nodes.xml": {},
}

# How many of what there are: from the description of the machine, not from the file.
COUNTS = {
    "nvidiaDGX2.xml": {GPU: 16},
    "power8gpudistances.xml": {GPU: 4},
    "32em64t-2n8c2t-pci-wholeio.xml": {GPU: 4, DISPLAY: 1},
    "fpga-gpu-mixed.xml": {GPU: 13, FPGA: 3},
    "desktop.xml": {GPU: 2, OTHER: 1},
    "server.xml": {GPU: 4, FPGA: 3, DISPLAY: 4},
    "wide_domain.xml": {GPU: 1},
    "two_nodes.xml": {},
}

# Transfer rate in GT/s and share of payload of a lane, by generation (PCI Express Base 6.0, 1.1).
LANES = {1: (2.5, 8 / 10), 2: (5, 8 / 10), 3: (8, 128 / 130), 4: (16, 128 / 130),
         5: (32, 128 / 130), 6: (64, 242 / 256)}


def bits(text):
    """Members of a cpuset or nodeset, "0x00000303,0x03030000,,0x03030303"."""
    value = 0
    for word in text.split(","):
        value = value << 32 | int(word or "0", 16)
    return [bit for bit in range(value.bit_length()) if value >> bit & 1]


class Machine:
    """A recorded machine, as its XML tells it."""

    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        self.parent = {child: parent for parent in self.root.iter("object")
                       for child in parent.findall("object")}
        self.objects = list(self.root.iter("object"))
        self.by_gp = {o.get("type") + ":" + o.get("gp_index"): o for o in self.objects}

    def of_type(self, kind):
        return [o for o in self.objects if o.get("type") == kind]

    def above(self, element):
        while element in self.parent:
            element = self.parent[element]
            yield element

    def bridges(self, device):
        """PCI bridges above a device, the nearest first; the host bridge is not one."""
        return [o for o in self.above(device)
                if o.get("type") == "Bridge" and o.get("bridge_type") == "1-1"]

    def host_bridge(self, device):
        return next(o for o in self.above(device) if o.get("bridge_type") == "0-1")

    def place(self, device):
        return next(o for o in self.above(device) if o.get("type") not in ("Bridge", "PCIDev"))

    def nodes(self, device):
        place = self.place(device)
        nodes = bits(place.get("nodeset"))
        whole = place.get("type") == "Machine" and len(nodes) > 1
        return [] if whole else nodes

    def package(self, device):
        place = self.place(device)
        for element in [place, *self.above(place)]:
            if element.get("type") == "Package":
                return int(element.get("os_index"))
        packages = self.of_type("Package")
        return int(packages[0].get("os_index")) if len(packages) == 1 else None

    def numa_distances(self):
        """{(from, to): distance} by os_index."""
        for matrix in self.root.findall("distances2"):
            if matrix.get("name") == "NUMALatency":
                nodes, values = self.numbers(matrix)
                return {(int(a), int(b)): values[i * len(nodes) + j]
                        for i, a in enumerate(nodes) for j, b in enumerate(nodes)}
        return {}

    @staticmethod
    def numbers(matrix):
        indexes = " ".join(e.text for e in matrix.findall("indexes")).split()
        values = [int(v) for e in matrix.findall("u64values") for v in e.text.split()]
        assert len(values) == len(indexes) ** 2
        return indexes, values

    def direct_links(self):
        """{(object, object): bytes per second}; an OS device stands for its PCI device."""
        links = {}
        for matrix in self.root.findall("distances2hetero"):
            if matrix.get("name") != "NVLinkBandwidth":
                continue
            names, values = self.numbers(matrix)
            objects = [self.by_gp.get(name) for name in names]
            size = len(objects)
            there = [i for i, o in enumerate(objects) if o is not None]
            switches = [i for i in there if objects[i].get("subtype") == "NVSwitch"]
            ends = {i: self.parent[objects[i]] if objects[i].get("type") == "OSDev" else objects[i]
                    for i in there}
            for i in there:
                for j in there:
                    rate = values[i * size + j]
                    if rate == 0 and i not in switches and j not in switches:
                        rate = min(sum(values[i * size + k] for k in switches),
                                   sum(values[k * size + j] for k in switches))
                    if rate > 0:
                        links[ends[i], ends[j]] = rate * 1e6
        return links


def speed(element):
    return float(element.get("pci_link_speed", "0")) * 1e9


def ids(device):
    return re.search(r"\[(....:....)\]", device.get("pci_type")).group(1)


def address(device):
    return device.get("pci_busid")


def narrowest(speeds):
    known = [s for s in speeds if s > 0]
    return (min(known) if known else None), all(s > 0 for s in speeds)


class Recorded(unittest.TestCase):
    maxDiff = None

    def near(self, value, expected, what):
        if not expected:
            self.assertIsNone(value, what)
        else:
            self.assertAlmostEqual(value / expected, 1, delta=1e-6, msg=what)

    def check_link(self, entry, device):
        """Generation and width are the widest that fit the speed, or unknown where none fits."""
        rate = speed(device)
        self.near(entry["link"]["bytes_per_s"], rate, address(device))
        fitting = [(width, generation) for generation, (gt, share) in LANES.items()
                   for width in (1, 2, 4, 8, 16)
                   if rate and abs(gt / 8 * share * width * 1e9 / rate - 1) < 0.005]
        width, generation = max(fitting, default=(None, None))
        self.assertEqual(entry["link"]["generation"], generation, address(device))
        self.assertEqual(entry["link"]["width"], width, address(device))

    def check_os_devices(self, entry, device):
        below = [o for o in device.findall("object") if o.get("osdev_type") != "4"]
        self.assertEqual(entry["os_devices"], [o.get("name") for o in below])
        sizes = [int(i.get("value")) * 1024 for o in below for i in o.findall("info")
                 if i.get("name").endswith("GlobalMemorySize")]
        self.assertEqual(entry["memory_bytes"], max(sizes, default=None))

    def check_device(self, machine, entry, device, links):
        bridges = machine.bridges(device)
        rate, exact = narrowest([speed(o) for o in [device, *bridges]])
        nodes = machine.nodes(device)
        package = machine.package(device)
        self.check_link(entry, device)
        self.check_os_devices(entry, device)
        self.near(entry["path_to_host"]["bytes_per_s"], rate, address(device))
        self.assertEqual(entry["path_to_host"]["exact"], exact)
        self.assertEqual(entry["path_to_host"]["bridges"], len(bridges))
        self.assertEqual(entry["numa_node"], nodes[0] if nodes else None)
        self.assertEqual(entry["socket"], package)
        sockets = [rate for (a, b), rate in links.items() if a is device
                   and b.get("type") == "Package" and int(b.get("os_index")) == package]
        self.near(entry["socket_link_bytes_per_s"], max(sockets, default=None), address(device))
        self.assertEqual(entry["class_id"], device.get("pci_type")[:4])
        self.assertEqual(entry["vendor_id"] + ":" + entry["device_id"], ids(device))
        self.assertEqual("recorded" in entry["unusable"], entry["offload"])

    def check_route(self, machine, route, a, b, links):
        over_a, over_b = machine.bridges(a), machine.bridges(b)
        shared = next((o for o in over_a if o in over_b), None)
        if shared is not None:
            meet = "switch"
        elif machine.host_bridge(a) is machine.host_bridge(b):
            meet = "host_bridge"
        elif machine.package(a) is not None and machine.package(a) == machine.package(b):
            meet = "socket"
        else:
            meet = "machine"
        way = [a, b]
        for over in (over_a, over_b):
            way += over[:over.index(shared)] if shared is not None else over
        rate, exact = narrowest([speed(o) for o in way])
        what = f"{address(a)} to {address(b)}"
        self.assertEqual(route["meet"], meet, what)
        self.assertEqual(route["bridge"], address(shared) if shared is not None else None, what)
        self.near(route["pcie_bytes_per_s"], rate, what)
        self.assertEqual(route["pcie_exact"], exact, what)
        self.near(route["direct_bytes_per_s"], links.get((a, b)), what)
        nodes = machine.nodes(a), machine.nodes(b)
        distance = machine.numa_distances().get((nodes[0][0], nodes[1][0])) if all(nodes) else None
        self.assertEqual(route["numa_distance"], distance, what)

    def check_host(self, machine, host):
        nodes = machine.of_type("NUMANode")
        distances = machine.numa_distances()
        self.assertEqual(host["sockets"], len(machine.of_type("Package")))
        self.assertEqual(host["cores"], len(machine.of_type("Core")))
        self.assertEqual([n["os_index"] for n in host["numa_nodes"]],
                         [int(n.get("os_index")) for n in nodes])
        for node, entry in zip(nodes, host["numa_nodes"]):
            self.assertEqual(entry["memory_bytes"], int(node.get("local_memory")))
            self.assertEqual(entry["threads"], len(bits(node.get("cpuset"))))
            self.assertEqual(entry["distances"],
                             [distances.get((int(node.get("os_index")), int(o.get("os_index"))))
                              for o in nodes])

    def check(self, name):
        path = os.path.join(FOLDER, name)
        done = subprocess.run([DAVIT, "devices", "--topology", path, "--json"], check=False,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = json.loads(done.stdout)
        machine = Machine(path)
        self.assertEqual(shown["schema_version"], 1)
        self.assertEqual(shown["recorded"], True)
        self.check_host(machine, shown["machine"])

        # hwloc of Debian 12 knows PCI domains of 16 bits only.
        wanted = {address(o): o for o in machine.of_type("PCIDev")
                  if ids(o) in KINDS[name] and len(address(o)) == len("0000:00:00.0")}
        entries = {e["address"]: e for e in shown["pci_devices"]}
        self.assertEqual(list(entries), sorted(wanted))
        counts = {}
        links = machine.direct_links()
        for where, entry in entries.items():
            kind, offload = KINDS[name][ids(wanted[where])]
            self.assertEqual((entry["kind"], entry["offload"]), (kind, offload), where)
            self.assertEqual(entry["devices"], [])
            counts[kind] = counts.get(kind, 0) + 1
            self.check_device(machine, entry, wanted[where], links)
        self.assertEqual(counts, COUNTS[name])

        pairs = [(a, b) for i, a in enumerate(entries) for b in list(entries)[i + 1:]]
        self.assertEqual([(r["from"], r["to"]) for r in shown["routes"]], pairs)
        for route in shown["routes"]:
            self.check_route(machine, route, wanted[route["from"]], wanted[route["to"]], links)
        return done.stderr

    def test_machines(self):
        for name in KINDS:
            with self.subTest(name):
                warning = self.check(name)
                self.assertEqual("16 bits" in warning, name == "wide_domain.xml", warning)
                self.assertEqual(len(warning.splitlines()), 1 if warning else 0)

    def test_links_beside_pcie(self):
        """The figures that NVIDIA and IBM give: six links of 25 GB/s; two of 20 GB/s."""
        machine = Machine(os.path.join(FOLDER, "nvidiaDGX2.xml"))
        gpus = [o for o in machine.of_type("PCIDev") if ids(o) == "10de:1db8"]
        links = machine.direct_links()
        self.assertTrue(all(links[a, b] == 150e9 for a in gpus for b in gpus if a is not b))
        machine = Machine(os.path.join(FOLDER, "power8gpudistances.xml"))
        self.assertEqual({r for (a, b), r in machine.direct_links().items() if a is not b}, {40e9})

    def test_many(self):
        """Virtual functions can be many: the first 512 are listed, and the rest is told."""
        with open(os.path.join(FOLDER, "wide_domain.xml"), encoding="utf-8") as file:
            text = file.read()
        row = next(line for line in text.splitlines() if "0000:03:00.0" in line)
        rows = [row.replace("0000:03:00.0", f"0000:03:{i >> 3 & 31:02x}.{i & 7}")
                .replace("0000:03", f"0000:{3 + (i >> 8):02x}")
                .replace('gp_index="', f'gp_index="{i + 1}00') for i in range(600)]
        with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
            file.write(text.replace(row, "\n".join(rows)).replace("[03-04]", "[03-06]"))
            file.flush()
            done = subprocess.run([DAVIT, "devices", "--topology", file.name], check=False,
                                  capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("600 GPUs and FPGAs", done.stderr)
        self.assertIn("\n511 ", done.stdout)
        self.assertNotIn("\n512 ", done.stdout)

    def test_text(self):
        """The table names each device, and says once that nothing can be opened."""
        for name in KINDS:
            with self.subTest(name):
                done = subprocess.run([DAVIT, "devices", "-v", "--topology",
                                       os.path.join(FOLDER, name)], check=False,
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout.count("can be opened here"), 1)
                for kind, count in COUNTS[name].items():
                    label = {GPU: "GPU", FPGA: "FPGA", OTHER: "other"}.get(kind, kind)
                    rows = re.findall(r"^ *\d+ [0-9a-f:.]+ +" + label + r"\b", done.stdout, re.M)
                    self.assertEqual(len(rows), count)


if __name__ == "__main__":
    DAVIT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
