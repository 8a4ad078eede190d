"use strict";
/* What devices and links are busy with: as predicted, as measured. */

const LANE = 20, GROUP = 18, AXIS = 22;

function makeLanes() {
  const groups = [];
  for (const key of ["predicted", "measured"]) {
    const timeline = report.timeline[key];
    if (!timeline) continue;
    const lanes = report.resources.map(resource => ({resource, spans: []}));
    let end = 0;
    for (const span of timeline.spans) {
      lanes[span.resource].spans.push(span);
      end = Math.max(end, span.end_ns);
    }
    const used = lanes.filter(lane => lane.spans.length > 0);
    for (const lane of used) lane.spans.sort((a, b) => a.start_ns - b.start_ns);
    groups.push({key, lanes: used, end_ns: Math.max(end, timeline.total_ns || 0, 1)});
  }
  let y = AXIS;
  for (const group of groups) {
    group.y = y;
    y += GROUP;
    for (const lane of group.lanes) {
      lane.y = y;
      y += LANE;
    }
    y += 6;
  }
  return {groups, height: y};
}

function laneName(resource) {
  if (resource.kind === "compute") return resource.device + (isModelled(resource.device) ? " (modelled)" : "");
  return "copies " + resource.kind;
}

/* Room for the longest name. */
function gutter(groups) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = FONT;
  const names = groups.flatMap(group => group.lanes.map(lane => laneName(lane.resource)));
  const title = "measured, 0000.0 ms";
  const longest = Math.max(...[title, ...names].map(name => context.measureText(name).width));
  return Math.min(longest + 28, Math.max(120, window.innerWidth / 3));
}

class Timeline {
  constructor(host) {
    const {groups, height} = makeLanes();
    this.groups = groups;
    this.same = !isEmulated; /* one scale says nothing then */
    this.surface = new Surface(host, {
      label: "Timeline of devices and links", height, left: gutter(groups), zoomX: true,
      draw: context => this.draw(context), hit: (x, y) => this.hit(x, y),
    });
  }

  longest(group) {
    return this.same ? Math.max(...this.groups.map(one => one.end_ns)) : group.end_ns;
  }

  toX(group, ns) {
    const surface = this.surface;
    return surface.toX(surface.left + ns / this.longest(group) * (surface.width - surface.left - 8));
  }

  draw(context) {
    const surface = this.surface, width = surface.width;
    const style = {line: colour("line"), text: colour("text"), muted: colour("muted"),
                   back: colour("back"), panel: colour("panel")};
    context.fillStyle = style.back;
    context.fillRect(0, 0, width, surface.height);
    this.groups.forEach((group, place) => {
      if (place === 0 || !this.same) this.drawAxis(context, group, style, place);
      for (const lane of group.lanes) this.drawLane(context, group, lane, style);
    });
    context.fillStyle = style.back;
    context.fillRect(0, AXIS, surface.left - 4, surface.height);
    for (const group of this.groups) this.drawLabels(context, group, style);
  }

  drawAxis(context, group, style, place) {
    const surface = this.surface, longest = this.longest(group);
    const span = surface.width - surface.left - 8;
    const from = (surface.fromX(surface.left) - surface.left) / span * longest;
    const to = (surface.fromX(surface.width) - surface.left) / span * longest;
    const y = place === 0 ? AXIS / 2 : group.y + GROUP / 2;
    context.textAlign = "center";
    for (const tick of ticks(Math.max(0, from), Math.min(longest, to), surface.width / 130)) {
      const x = this.toX(group, tick);
      context.fillStyle = style.line;
      const top = place === 0 ? AXIS - 4 : group.y + GROUP;
      const end = this.same ? surface.height : group.y + GROUP + group.lanes.length * LANE;
      context.fillRect(x, top, 1, end - top);
      context.fillStyle = style.muted;
      if (x > surface.left + 10 && x < surface.width - 28) context.fillText(seconds(tick * 1e-9), x, y);
    }
    context.textAlign = "left";
  }

  drawLane(context, group, lane, style) {
    const surface = this.surface;
    const fill = colour(deviceColour(lane.resource.device));
    const modelled = group.key === "measured" && isModelled(lane.resource.device);
    context.fillStyle = style.panel;
    context.fillRect(surface.left, lane.y + LANE - 2, surface.width, 1);
    let drawn = -1;
    for (const span of lane.spans) {
      const x = this.toX(group, span.start_ns), end = this.toX(group, span.end_ns);
      if (end < surface.left || x > surface.width) continue;
      const chosen = span.unit !== undefined && span.unit === selection.unit;
      if (end - x < 1 && Math.floor(x) === drawn && !chosen) continue;
      drawn = Math.floor(x);
      const wide = Math.max(1, end - x - (end - x > 3 ? 1 : 0));
      context.globalAlpha = modelled ? 0.45 : span.unit === undefined ? 0.7 : 1;
      context.fillStyle = fill;
      context.fillRect(x, lane.y + 2, wide, LANE - 5);
      context.globalAlpha = 1;
      if (chosen) {
        context.strokeStyle = style.text;
        context.lineWidth = 2;
        context.strokeRect(x, lane.y + 1, Math.max(2, wide), LANE - 3);
      }
      if (wide > 46) this.drawName(context, span, Math.max(x, surface.left), Math.min(end, surface.width), lane);
    }
  }

  drawName(context, span, x, end, lane) {
    const name = span.unit !== undefined ? report.units[span.unit].name : report.copies[span.copy].value;
    context.fillStyle = "#fff";
    context.fillText(fitText(context, name, end - x - 10), x + 5, lane.y + LANE / 2);
  }

  drawLabels(context, group, style) {
    context.fillStyle = style.text;
    context.font = "600 " + FONT;
    context.fillText((isEmulated && group.key === "measured" ? "emulated" : group.key) + ", " + seconds(group.end_ns * 1e-9), 8, group.y + GROUP / 2);
    context.font = FONT;
    for (const lane of group.lanes) {
      const compute = lane.resource.kind === "compute";
      context.fillStyle = compute ? style.text : style.muted;
      const name = fitText(context, laneName(lane.resource), this.surface.left - 20);
      context.fillText(name, compute ? 14 : 22, lane.y + LANE / 2);
    }
  }

  hit(x, y) {
    if (x < this.surface.left) return null;
    for (const group of this.groups) {
      const lane = group.lanes.find(one => y >= one.y && y < one.y + LANE);
      if (!lane) continue;
      const near = 1.5;
      const span = lane.spans.find(one => this.toX(group, one.start_ns) <= x + near &&
        this.toX(group, one.end_ns) >= x - near);
      return span ? {text: this.describe(group, span), unit: span.unit} : null;
    }
    return null;
  }

  describe(group, span) {
    const start = seconds(span.start_ns * 1e-9), length = seconds((span.end_ns - span.start_ns) * 1e-9);
    const when = group.key + ": " + length + ", from " + start +
      (span.inference > 0 ? ", inference " + span.inference : "");
    if (span.unit === undefined) {
      const copy = report.copies[span.copy];
      return copy.value + "\ncopy " + (copy.to_device ? "to " : "from ") + copy.device + ", " +
        bytes(copy.bytes) + "\n" + when;
    }
    const unit = report.units[span.unit];
    return unit.name + "\n" + unit.operators + " on " + unit.device + "\n" + when;
  }
}
