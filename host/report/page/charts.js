"use strict";
/* Scatter charts with logarithmic axes: rooflines, and predicted against measured. */

const FRAME = {left: 62, right: 12, top: 10, bottom: 34};

class Chart {
  /* points: [{x, y, unit, device}]; lines: [{label, y(x)}]; square: both axes alike. */
  constructor(host, title, options) {
    Object.assign(this, options);
    const panel = el("div", null, el("h3", null, title));
    host.append(panel);
    this.xs = this.range(this.points.map(point => point.x).concat(this.square ? this.points.map(p => p.y) : []));
    const roofs = this.lines.flatMap(line => this.xs.map(line.y)).filter(y => y > 0 && isFinite(y));
    this.ys = this.square ? this.xs : this.range(this.points.map(point => point.y).concat(roofs.map(y => 2 * y)));
    this.surface = new Surface(panel, {label: title, height: 250, draw: context => this.draw(context),
                                       hit: (x, y) => this.hit(x, y)});
  }

  range(values) {
    const known = values.filter(value => value > 0 && isFinite(value));
    if (known.length === 0) return [1, 10];
    const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
    return [low / 1.6, high * 1.6];
  }

  toX(x) {
    const wide = this.surface.width - FRAME.left - FRAME.right;
    return FRAME.left + Math.log(x / this.xs[0]) / Math.log(this.xs[1] / this.xs[0]) * wide;
  }

  toY(y) {
    const high = this.surface.height - FRAME.top - FRAME.bottom;
    return FRAME.top + high - Math.log(y / this.ys[0]) / Math.log(this.ys[1] / this.ys[0]) * high;
  }

  draw(context) {
    const surface = this.surface;
    const style = {line: colour("line"), muted: colour("muted"), text: colour("text")};
    context.fillStyle = colour("back");
    context.fillRect(0, 0, surface.width, surface.height);
    this.drawAxes(context, style);
    context.save();
    context.beginPath();
    context.rect(FRAME.left, FRAME.top, surface.width - FRAME.left - FRAME.right,
                 surface.height - FRAME.top - FRAME.bottom);
    context.clip();
    this.drawLines(context, style);
    for (const point of this.points) {
      context.fillStyle = colour(deviceColour(point.device));
      context.globalAlpha = 0.65;
      context.beginPath();
      context.arc(this.toX(point.x), this.toY(point.y), 3, 0, 7);
      context.fill();
      context.globalAlpha = 1;
    }
    const chosen = this.points.find(point => point.unit === selection.unit);
    if (chosen) {
      context.strokeStyle = style.text;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(this.toX(chosen.x), this.toY(chosen.y), 6, 0, 7);
      context.stroke();
    }
    context.restore();
  }

  /* Powers of ten, each second or third where there are many. */
  decades([low, high]) {
    const list = [];
    const span = Math.log10(high / low), step = span > 10 ? 3 : span > 5 ? 2 : 1;
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) {
      if (power % step === 0) list.push(10 ** power);
    }
    return list;
  }

  drawAxes(context, style) {
    const bottom = this.surface.height - FRAME.bottom, right = this.surface.width - FRAME.right;
    for (const x of this.decades(this.xs)) {
      context.fillStyle = style.line;
      context.fillRect(this.toX(x), FRAME.top, 1, bottom - FRAME.top);
      context.fillStyle = style.muted;
      context.textAlign = "center";
      context.fillText(this.xText(x), this.toX(x), bottom + 10);
    }
    for (const y of this.decades(this.ys)) {
      context.fillStyle = style.line;
      context.fillRect(FRAME.left, this.toY(y), right - FRAME.left, 1);
      context.fillStyle = style.muted;
      context.textAlign = "right";
      context.fillText(this.yText(y), FRAME.left - 6, this.toY(y));
    }
    context.textAlign = "right";
    context.fillText(this.xTitle, right, bottom + 24);
    context.textAlign = "left";
    context.fillText(this.yTitle, 6, bottom + 24);
  }

  drawLines(context, style) {
    context.strokeStyle = style.muted;
    context.lineWidth = 1.5;
    for (const line of this.lines) {
      context.setLineDash(line.dashed ? [5, 4] : []);
      context.beginPath();
      for (let i = 0; i <= 60; i++) {
        const x = this.xs[0] * (this.xs[1] / this.xs[0]) ** (i / 60);
        context.lineTo(this.toX(x), this.toY(line.y(x)));
      }
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = style.muted;
      context.textAlign = "right";
      context.fillText(line.label, this.surface.width - FRAME.right - 4,
                       this.toY(line.y(this.xs[1])) + (line.dashed ? -8 : 10));
      context.textAlign = "left";
    }
  }

  hit(x, y) {
    let best = null, distance = 64;
    for (const point of this.points) {
      const d = (this.toX(point.x) - x) ** 2 + (this.toY(point.y) - y) ** 2;
      if (d < distance) {
        distance = d;
        best = point;
      }
    }
    return best ? {text: this.describe(best), unit: best.unit} : null;
  }
}

function roofline(host, device) {
  const points = [];
  report.units.forEach((unit, index) => {
    if (unit.device === device.name && unit.flops > 0 && unit.bytes > 0 && time(unit) > 0) {
      points.push({x: unit.flops / unit.bytes, y: unit.flops / time(unit), unit: index, device: device.name});
    }
  });
  if (points.length === 0) return;
  const memory = device.peaks.memory_bytes_per_s;
  const lines = [["f32", "f32_flops_per_s"], ["tf32", "tf32_flops_per_s"], ["int8", "s8_ops_per_s"]]
    .filter(([label, key]) => device.peaks[key] && memory)
    .map(([label, key]) => ({
      label: label + " " + rate(device.peaks[key], "op"), dashed: label !== "f32",
      y: x => Math.min(device.peaks[key], x * memory),
    }));
  const measured = report.units.some(unit => unit.device === device.name && unit.measured);
  new Chart(host, device.name + ", " + (measured ? "measured" : "predicted") +
    (memory ? "; memory " + rate(memory, "B") : ""), {
    points, lines, xTitle: "operations / byte", yTitle: "operations / s", xText: x => String(Number(x.toPrecision(1))),
    yText: y => scaled(y, "", LARGE).trim(),
    describe: point => describeUnit(report.units[point.unit]) + "\n" + rate(point.y, "op") + " at " +
      point.x.toPrecision(3) + " operations a byte",
  });
}

function predictedAgainstMeasured(host) {
  const points = [];
  report.units.forEach((unit, index) => {
    if (took(unit) > 0 && unit.predicted.seconds > 0) {
      points.push({x: took(unit), y: unit.predicted.seconds, unit: index, device: unit.device});
    }
  });
  if (points.length === 0) return;
  new Chart(host, "Predicted over measured time of units", {
    points, square: true, xTitle: "measured", yTitle: "predicted", xText: seconds, yText: seconds,
    lines: [{label: "alike", y: x => x},
            {label: "", y: x => x * 2, dashed: true}, {label: "", y: x => x / 2, dashed: true}],
    describe: point => describeUnit(report.units[point.unit]),
  });
}

function drawCharts(host) {
  for (const device of report.devices) roofline(host, device);
  predictedAgainstMeasured(host);
}
