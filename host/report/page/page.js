"use strict";
/* Puts the page together. */

function cells(tag, ...texts) {
  return texts.map(text => typeof text === "object" && text !== null && !(text instanceof Node)
    ? el(tag, {class: text.class, title: text.title || null}, ...text.content) : el(tag, null, text));
}
const number = (...content) => ({class: "number", content});

function drawHeader() {
  const model = report.model, host = report.host;
  byId("model").textContent = model.name;
  byId("origin").textContent = report.kind + " of " + report.created.replace("T", " ").replace("Z", " UTC") +
    ", davit " + report.davit + (model.sha256 ? ", sha256 " + model.sha256.slice(0, 12) : "") +
    (host ? ", " + host.processor + ", " + host.cores + " cores" : "");
  document.title = model.name + " – Davit report";
}

function figure(title, value, detail, kind) {
  return el("div", null, el("dt", null, title),
            el("dd", {class: kind || null}, value, el("small", null, detail || "")));
}

function drawFigures() {
  const summary = report.summary, predicted = summary.predicted, measured = summary.measured;
  const list = byId("figures");
  if (measured) {
    list.append(figure("measured, one inference", isEmulated ? "–" : seconds(measured.median_s),
      isEmulated ? "emulated devices: no time of a machine"
        : seconds(measured.low_s) + " to " + seconds(measured.high_s) + ", " + measured.runs + " runs"));
  }
  list.append(
    figure("predicted, one inference", seconds(predicted.latency_s),
           measured && !isEmulated && measured.median_s > 0
             ? (predicted.latency_s / measured.median_s).toFixed(2) + " of the measured" : ""),
    figure("predicted, pipeline", seconds(predicted.period_s), "between results"),
    figure("placed for", summary.objective + (summary.latency_limit_s ? ", ≤ " + seconds(summary.latency_limit_s) : ""),
           summary.method),
    figure("proved lower bound", summary.bound === null ? "–" : goal.text(summary.bound),
           summary.gap === null ? "nothing is proved" : "gap " + (100 * summary.gap).toFixed(1) + " %, " + summary.bound_method),
    figure("energy, predicted", joules(predicted.joules), "of one inference"),
    figure("units", String(summary.units),
           summary.integer_units > 0 ? summary.integer_units + " integer, " + summary.kept_f32 + " kept in f32" : ""),
    figure("fallbacks", String(summary.fallbacks), "", summary.fallbacks > 0 ? "bad" : ""));
  if (measured) {
    list.append(
      figure("copies", isEmulated ? "–" : seconds(measured.copies_s), bytes(measured.copied_bytes) + " in one inference"),
      figure("memory", bytes(measured.memory_bytes), measured.programs + (measured.programs === 1 ? " program" : " programs")),
      figure("loaded in", seconds(measured.load_s), ""));
  }
}

function drawEvents() {
  const quiet = ["unused", "kept_f32", "fallback"];
  const items = report.events.map(event => el("li", {class: quiet.includes(event.kind) ? null : "fault"},
    el("b", null, event.kind.replace("_", " ") + (event.device ? " " + event.device : "")),
    (event.time_s === null ? "" : "after " + seconds(event.time_s) + ": ") + event.text +
    (event.count > 1 ? " (" + event.count + " times)" : "")));
  byId("events").append(items.length > 0 ? el("ul", null, ...items)
    : el("p", {class: "muted"}, "No fallbacks, no faults."));
}

function drawSimpler() {
  if (report.alternatives.length === 0) return;
  const rows = report.alternatives.map(one => el("tr", null, ...cells("td", one.name,
    number(seconds(one.latency_s)), number(seconds(one.period_s)), number(joules(one.joules)),
    [one.infeasible, one.elsewhere > 0 ? one.elsewhere + " units elsewhere: it cannot run them" : ""]
      .filter(text => text !== "").join("; "))));
  byId("simpler").append(el("div", {class: "scroll"}, el("table", null, el("thead", null, el("tr", null,
    ...cells("th", "simpler plans, predicted", number("one inference"), number("pipeline"), number("energy"), ""))),
    el("tbody", null, ...rows))));
}

/* A bar of parts: [[share, colour, title]]. */
function bar(parts, whole) {
  const holder = el("span");
  for (const [value, name, title] of parts) {
    const piece = el("span", {class: "bar", title});
    piece.style.width = whole > 0 ? Math.max(0, 90 * value / whole) + "px" : "0";
    piece.style.background = "var(--" + name + ")";
    holder.append(piece);
  }
  return holder;
}

const spent = device => device.energy
  ? device.energy.units_joules + device.energy.copies_joules + device.energy.idle_joules : 0;

function deviceRow(device, most) {
  const load = device.load, energy = device.energy;
  const name = el("span", null, swatch(device.name), device.name);
  if (device.clock === "modelled") {
    name.append(" ", el("span", {class: "badge", title: "its times are the profile's model, not measurements"},
                        device.backend === "profile" ? "profile only" : "emulated, modelled clock"));
  }
  const joulesCell = energy ? [bar([
    [energy.units_joules, "d0", "units " + joules(energy.units_joules)],
    [energy.copies_joules, "d1", "copies " + joules(energy.copies_joules)],
    [energy.idle_joules, "d7", "idle " + joules(energy.idle_joules)]], most), " " + joules(spent(device))] : ["–"];
  return el("tr", null, ...cells("td", name, number(String(load.units)), number(seconds(load.compute_s)),
    number(seconds(load.in_s)), number(seconds(load.out_s)), number(bytes(load.in_bytes)),
    number(bytes(load.out_bytes)), number(bytes(load.memory_bytes)), number(bytes(device.memory_bytes)),
    {class: null, content: joulesCell},
    {class: "wrap", content: [device.description]}));
}

function drawDevices() {
  const most = Math.max(0, ...report.devices.map(spent));
  byId("device-table").append(
    el("thead", null, el("tr", null, ...cells("th", "device", number("units"), number("compute"), number("copies in"),
      number("copies out"), number("in"), number("out"), number("memory"), number("capacity"),
      {class: null, title: "units, copies, idle; of one inference, predicted", content: ["energy"]}, ""))),
    el("tbody", null, ...report.devices.map(device => deviceRow(device, most))));
}

function drawLegend(place) {
  for (const device of report.devices) {
    if (device.load.units > 0) place.append(el("span", null, swatch(device.name), device.name));
  }
}

/* ---- the unit that is looked at ---- */

function moveRow(unit, move) {
  const here = move.device === unit.device;
  let total = "–";
  if (here) total = "here";
  else if (move.impossible) total = "no such plan";
  else if (!move.supported) total = move.reason;
  else if (move.moved !== null && goal.value !== null) {
    total = goal.text(move.moved) + " (" + signed(move.moved - goal.value, goal.text) + ")";
  }
  const note = move.supported && move.reason ? el("div", {class: "muted"}, move.reason) : null;
  return el("tr", null, ...cells("td", el("span", null, swatch(move.device), move.device),
    number(move.cost ? seconds(move.cost.seconds) : "–"), move.cost ? move.cost.source : "", 
    {class: "wrap", content: [total, note]}));
}

function facts(unit) {
  const measured = unit.measured;
  const list = [
    ["operators", unit.operators], ["device", unit.device + (unit.fallback ? " (fallback)" : "")],
    ["why", unit.reason], ["implementation", (unit.implementation || "–") + (unit.implementation_reason ? ", " + unit.implementation_reason : "")],
    ["output", unit.shape.join("x") + " " + unit.dtype],
    ["predicted", seconds(unit.predicted.seconds) + ", " + unit.predicted.source + ", confidence " +
      unit.predicted.confidence.toFixed(2) + (unit.predicted.joules ? ", " + joules(unit.predicted.joules) : "")],
    ["measured", measured ? seconds(measured.median_s) + " (" + seconds(measured.low_s) + " to " +
      seconds(measured.high_s) + ")" : isModelled(unit.device) && report.summary.measured
      ? "– (an emulated device has no time of its own)" : "–"],
    ["work", scaled(unit.flops, "op", LARGE) + ", " + bytes(unit.bytes) + " (" + unit.class + ")"],
  ];
  if (typeof unit.snr_db === "number") list.push(["signal to noise", unit.snr_db.toFixed(1) + " dB"]);
  return el("dl", null, ...list.flatMap(([name, text]) => [el("dt", null, name), el("dd", null, text)]));
}

function drawDetail(index) {
  const panel = byId("detail");
  panel.hidden = index < 0;
  if (index < 0) return;
  const unit = report.units[index];
  const close = el("button", {class: "close", type: "button", "aria-label": "Close"}, "×");
  close.addEventListener("click", () => selection.set(-1));
  panel.replaceChildren(close, el("h3", null, unit.name), facts(unit));
  if (unit.moves.length > 0) {
    panel.append(el("table", null, el("thead", null, el("tr", null, ...cells("th", "on", number("takes"), "cost is",
      goal.name + " then"))), el("tbody", null, ...unit.moves.map(move => moveRow(unit, move)))));
  }
}

function drawNotes() {
  const notes = {
    alone: "Moves: what " + goal.name + " is predicted to be if only this unit moved and all others stayed " +
      "(--explain places the others anew).",
    "placed anew": "Moves: what " + goal.name + " is predicted to be if this unit moved and all others were placed anew.",
  };
  byId("moves-note").textContent = notes[report.moves] || "";
}

function listenToKeys(table) {
  const search = byId("search"), device = byId("on-device");
  const filter = () => table.filter(search.value, device.value);
  device.append(el("option", {value: ""}, "all"), ...report.devices.filter(one => one.load.units > 0)
    .map(one => el("option", {value: one.name}, one.name)));
  search.addEventListener("input", filter);
  device.addEventListener("change", filter);
  search.addEventListener("keydown", event => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      table.grid.focus({preventScroll: true});
      if (table.order.indexOf(selection.unit) < 0) table.move(0);
    }
  });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && !["INPUT", "SELECT"].includes(event.target.tagName)) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      selection.set(-1);
    }
  });
}

/* Paper is light, and has all rows. */
function listenToPrinting(table) {
  const print = printing => {
    document.documentElement.classList.toggle("paper", printing);
    table.print(printing);
    for (const surface of surfaces) surface.paint();
  };
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
}

function start() {
  drawHeader();
  drawFigures();
  drawEvents();
  drawSimpler();
  drawDevices();
  drawTopology(byId("topology"));
  drawLegend(byId("legend"));
  const timeline = new Timeline(byId("timeline-view"));
  byId("same-scale").checked = timeline.same;
  byId("same-scale").addEventListener("change", event => {
    timeline.same = event.target.checked;
    timeline.surface.redraw();
  });
  new Graph(byId("graph-view"));
  drawCharts(byId("chart-list"));
  const table = new UnitTable(byId("table"));
  drawNotes();
  listenToKeys(table);
  listenToPrinting(table);
  selection.listeners.push(index => drawDetail(index));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const surface of surfaces) surface.redraw();
  });
  document.documentElement.dataset.ready = "true";
}

start();
