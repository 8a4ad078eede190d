"use strict";
/* The host with its NUMA nodes, and what is linked to it. */

const BOX = {width: 300, height: 44, gap: 10, wire: 190};

function boxText(group, x, y, title, detail, name) {
  const wide = Math.floor(BOX.width / 6.6);
  const cut = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;
  let left = x + 10;
  if (name !== undefined) {
    const mark = svg("rect", {x: left, y: y + 10, width: 10, height: 10});
    mark.style.fill = "var(--" + deviceColour(name) + ")";
    mark.style.stroke = "none";
    group.append(mark);
    left += 16;
  }
  group.append(svg("text", {x: left, y: y + 19}, cut(title, wide - 2)));
  group.append(svg("text", {x: x + 10, y: y + 35, class: "small"}, cut(detail, wide + 4),
                   svg("title", null, detail)));
}

/* What is drawn at the right: devices of the plan that are not the host's processors, and what else
 * is on PCI. */
function linkedDevices() {
  const host = report.host, list = [];
  for (const device of report.devices) {
    if (!device.link && ["cpu", "reference", "null"].includes(device.kind)) continue;
    const pci = host ? host.pci.find(one => one.devices.includes(device.name)) : null;
    list.push({title: device.name + (device.clock === "modelled" ? " (modelled)" : ""),
               detail: device.description, name: device.name, pci, link: device.link,
               node: device.numa_node, absent: device.clock === "modelled"});
  }
  for (const pci of host ? host.pci : []) {
    if (pci.devices.length === 0) {
      list.push({title: pci.address + " " + pci.name, detail: "not in the plan" +
                 (pci.refused ? ": " + pci.refused : ""), pci, node: pci.numa_node});
    }
  }
  return list;
}

function wireText(item) {
  const parts = [];
  if (item.pci && item.pci.link_generation > 0) {
    parts.push("PCIe " + item.pci.link_generation + ".0 x" + item.pci.link_width);
  }
  if (item.link && item.link.to_device_bytes_per_s) parts.push(rate(item.link.to_device_bytes_per_s, "B"));
  else if (item.pci && item.pci.path_bytes_per_s) parts.push(rate(item.pci.path_bytes_per_s, "B"));
  if (item.link) parts.push(seconds(item.link.latency_s));
  return parts.join(", ");
}

/* Devices of the plan that are the host's own processors. */
function processors() {
  return report.devices.filter(device => !device.link &&
    (device.kind === "cpu" || device.load.units > 0));
}

function nodeBoxes(host) {
  if (host && host.numa_nodes.length > 0) {
    return host.numa_nodes.map(node => ({
      id: node.os_index, title: "NUMA node " + node.os_index,
      detail: node.cores + " cores (" + node.cpus + "), " + bytes(node.memory_bytes)}));
  }
  return [{id: null, title: "host", detail: "topology unknown"}];
}

function drawHost(picture, nodes, own) {
  const host = report.host, step = BOX.height + BOX.gap, top = 30 + own.length * 20;
  const centre = new Map();
  picture.append(svg("rect", {x: 1, y: 1, width: BOX.width + 20, height: top + nodes.length * step}));
  const processor = host ? host.processor + ", " + host.cores + " cores" : "processor unknown";
  picture.append(svg("text", {x: 11, y: 20}, processor.length > 50 ? processor.slice(0, 49) + "…" : processor,
                     svg("title", null, processor)));
  own.forEach((device, i) => {
    const mark = svg("rect", {x: 11, y: 30 + i * 20, width: 10, height: 10});
    mark.style.fill = "var(--" + deviceColour(device.name) + ")";
    mark.style.stroke = "none";
    picture.append(mark, svg("text", {x: 27, y: 39 + i * 20},
                             device.name + (device.clock === "modelled" ? " (modelled, in its place)" : "")));
  });
  nodes.forEach((node, i) => {
    const y = top + i * step;
    picture.append(svg("rect", {x: 11, y, width: BOX.width, height: BOX.height, class: "inner"}));
    boxText(picture, 11, y, node.title, node.detail);
    centre.set(node.id, y + BOX.height / 2);
  });
  return {centre, high: top + nodes.length * step};
}

function drawLinked(picture, item, i, hostBox) {
  const right = BOX.width + 20 + BOX.wire, y = 6 + i * (BOX.height + BOX.gap), middle = y + BOX.height / 2;
  const known = hostBox.centre.has(item.node);
  const from = known ? hostBox.centre.get(item.node) : hostBox.high / 2;
  const start = known ? BOX.width + 11 : BOX.width + 21;
  picture.append(
    svg("path", {d: `M${start} ${from} C${start + 50} ${from} ${start + 30} ${middle} ${start + 80} ${middle} L${right} ${middle}`}),
    svg("rect", {x: right, y, width: BOX.width, height: BOX.height, class: item.absent ? "inner absent" : "inner"}),
    svg("text", {x: right - 6, y: middle - 5, class: "small", "text-anchor": "end"}, wireText(item)));
  boxText(picture, right, y, item.title, item.detail, item.name);
  return middle;
}

function drawTopology(place) {
  const host = report.host, nodes = nodeBoxes(host), own = processors(), linked = linkedDevices();
  const step = BOX.height + BOX.gap;
  const high = Math.max(40 + own.length * 20 + nodes.length * step, linked.length * step) + 8;
  const wide = linked.length > 0 ? 2 * BOX.width + BOX.wire + 60 : BOX.width + 24;
  const picture = svg("svg", {viewBox: "0 0 " + wide + " " + high, width: wide, height: high, role: "img",
                              "aria-label": "Devices and how they are linked"});
  const hostBox = drawHost(picture, nodes, own);
  const places = new Map();
  linked.forEach((item, i) => {
    const middle = drawLinked(picture, item, i, hostBox);
    if (item.pci) places.set(host.pci.indexOf(item.pci), middle);
  });
  for (const route of host ? host.routes : []) {
    if (route.direct_bytes_per_s && places.has(route.from) && places.has(route.to)) {
      const x = 2 * BOX.width + 20 + BOX.wire, a = places.get(route.from), b = places.get(route.to);
      picture.append(svg("path", {class: "direct", d: `M${x} ${a} C${x + 34} ${a} ${x + 34} ${b} ${x} ${b}`},
                         svg("title", null, rate(route.direct_bytes_per_s, "B"))));
    }
  }
  place.append(picture);
}
