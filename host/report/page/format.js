"use strict";
/* Numbers as text, and elements: text from the data is only ever set as text. */

const report = JSON.parse(document.getElementById("data").textContent);

function scaled(value, unit, steps) {
  if (value === null || value === undefined || !isFinite(value)) return "–";
  if (value === 0) return "0 " + unit;
  const size = Math.abs(value);
  let chosen = steps[steps.length - 1];
  for (const step of steps) {
    if (size >= step[0] * 0.9995) { chosen = step; break; }
  }
  return Number((value / chosen[0]).toPrecision(4)) + " " + chosen[1] + unit;
}
const LARGE = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
const SMALL = [[1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
const BINARY = [[2 ** 40, "Ti"], [2 ** 30, "Gi"], [2 ** 20, "Mi"], [2 ** 10, "Ki"], [1, ""]];
const seconds = value => scaled(value, "s", SMALL);
const joules = value => scaled(value, "J", SMALL);
const bytes = value => scaled(value, "B", BINARY);
const rate = (value, unit) => scaled(value, unit + "/s", LARGE);
const plain = value => value === null || value === undefined ? "–" : String(value);
/* Milliseconds for columns, which are compared by eye. */
const ms = value => value === null || value === undefined ? "–"
  : (value * 1e3).toFixed(value * 1e3 >= 100 ? 1 : value * 1e3 >= 1 ? 3 : 4);
const signed = (value, text) => (value > 0 ? "+" : value < 0 ? "−" : "") + text(Math.abs(value));

/* el("td", {class: "number"}, "text", child): strings become text nodes. */
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const key in attributes || {}) {
    if (attributes[key] !== null && attributes[key] !== false) element.setAttribute(key, attributes[key]);
  }
  for (const child of children) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}
function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes || {}) element.setAttribute(key, attributes[key]);
  for (const child of children) element.append(child);
  return element;
}
const byId = id => document.getElementById(id);

/* Colours are those of the style, so that they follow the colour scheme. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}
const COLOURS = 8;
const deviceIndex = new Map(report.devices.map((device, index) => [device.name, index]));
const deviceColour = name => "d" + (deviceIndex.has(name) ? deviceIndex.get(name) % COLOURS : 7);
const isModelled = name => deviceIndex.has(name) &&
  report.devices[deviceIndex.get(name)].clock === "modelled";
/* The run had emulated devices: what it took is no time of a machine. */
const isEmulated = report.summary.measured !== null && report.summary.measured.clock === "modelled";
function swatch(name) {
  const mark = el("span", {class: "swatch"});
  mark.style.background = "var(--" + deviceColour(name) + ")";
  return mark;
}

/* What the plan makes least, and its value. */
const goal = {
  latency: {key: "latency_s", text: seconds, name: "one inference"},
  throughput: {key: "period_s", text: seconds, name: "the pipeline's period"},
  energy: {key: "joules", text: joules, name: "energy"},
}[report.summary.objective] || {key: "latency_s", text: seconds, name: "one inference"};
goal.value = report.summary.predicted[goal.key];

const took = unit => unit.measured ? unit.measured.median_s : null;
const time = unit => unit.measured ? unit.measured.median_s : unit.predicted.seconds;

/* The unit that is looked at; views ask to be told. */
const selection = {
  unit: -1,
  listeners: [],
  set(unit, from) {
    this.unit = unit;
    for (const listener of this.listeners) listener(unit, from);
  },
};
