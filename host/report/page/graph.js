"use strict";
/* The graph: units in columns by their longest way from the inputs, columns in rows. */

const CELL_X = 30, CELL_Y = 13, ROW_GAP = 12, MOST_HEIGHT = 340;

/* Column and slot of each unit. */
function layerUnits() {
  const units = report.units, layer = new Array(units.length).fill(0), layers = [];
  units.forEach((unit, index) => {
    for (const from of unit.reads) layer[index] = Math.max(layer[index], layer[from] + 1);
    (layers[layer[index]] = layers[layer[index]] || []).push(index);
  });
  const slot = new Array(units.length).fill(0);
  for (const members of layers) {
    const wish = new Map(members.map(index => {
      const reads = units[index].reads;
      const sum = reads.reduce((total, from) => total + slot[from], 0);
      return [index, reads.length > 0 ? sum / reads.length : 0];
    }));
    members.sort((a, b) => wish.get(a) - wish.get(b) || a - b);
    members.forEach((index, place) => { slot[index] = place; });
  }
  return {layer, slot, layers};
}

/* How high the rows become with so many columns in each. */
function rowHeights(layers, columns) {
  const heights = [];
  for (let first = 0; first < layers.length; first += columns) {
    const most = Math.max(...layers.slice(first, first + columns).map(members => members.length));
    heights.push(most * CELL_Y + ROW_GAP);
  }
  return heights;
}

class Graph {
  constructor(host) {
    this.laid = layerUnits();
    this.surface = new Surface(host, {
      label: "Graph of units, coloured by device", height: MOST_HEIGHT, zoomX: true, zoomY: true,
      draw: context => this.draw(context), hit: (x, y) => this.hit(x, y),
    });
  }

  /* Columns for which the picture is largest, scale and places of units. */
  layout() {
    const width = this.surface.width;
    if (this.width === width) return;
    this.width = width;
    const {layers, layer, slot} = this.laid;
    let best = {scale: 0, columns: 1};
    for (let columns = 1; columns <= Math.max(1, layers.length);
         columns = Math.max(columns + 1, Math.floor(columns * 1.04))) {
      const high = rowHeights(layers, columns).reduce((sum, one) => sum + one, 0);
      const scale = Math.min((width - 16) / (columns * CELL_X), (MOST_HEIGHT - 16) / high, 2);
      if (scale >= best.scale) best = {scale, columns};
    }
    const tops = [0];
    for (const height of rowHeights(layers, best.columns)) tops.push(tops[tops.length - 1] + height);
    this.scale = best.scale;
    this.fitHeight(16 + tops[tops.length - 1] * best.scale);
    this.places = layer.map((column, index) => [
      8 + (column % best.columns) * CELL_X * best.scale,
      8 + (tops[Math.floor(column / best.columns)] + slot[index] * CELL_Y) * best.scale,
    ]);
  }

  fitHeight(high) {
    const height = Math.max(60, Math.ceil(Math.min(MOST_HEIGHT, high)));
    if (height !== this.surface.height) {
      this.surface.height = height;
      this.surface.canvas.style.height = height + "px";
      this.surface.redraw();
    }
  }

  box(index) {
    const [x, y] = this.places[index], surface = this.surface, k = surface.k * this.scale;
    return [surface.toX(x), surface.toY(y), 20 * k, 9 * k];
  }

  draw(context) {
    this.layout();
    const surface = this.surface;
    context.fillStyle = colour("back");
    context.fillRect(0, 0, surface.width, surface.height);
    this.drawEdges(context);
    const fills = new Map(report.devices.map(device => [device.name, colour(deviceColour(device.name))]));
    const text = colour("text");
    report.units.forEach((unit, index) => {
      const [x, y, w, h] = this.box(index);
      if (x + w < 0 || y + h < 0 || x > surface.width || y > surface.height) return;
      context.fillStyle = fills.get(unit.device) || text;
      context.fillRect(x, y, Math.max(1, w), Math.max(1, h));
      if (index === selection.unit) {
        context.strokeStyle = text;
        context.lineWidth = 2;
        context.strokeRect(x - 1, y - 1, w + 2, h + 2);
      }
      if (h > 11 && w > 40) {
        context.fillStyle = "#fff";
        context.fillText(fitText(context, unit.name, w - 6), x + 3, y + h / 2);
      }
    });
  }

  drawEdges(context) {
    context.strokeStyle = colour("muted");
    context.lineWidth = 1;
    context.globalAlpha = 0.45;
    context.beginPath();
    report.units.forEach((unit, index) => {
      const to = this.box(index);
      for (const from of unit.reads) {
        const box = this.box(from);
        const x = box[0] + box[2], y = box[1] + box[3] / 2;
        const below = to[1] > box[1] + box[3] && to[0] < x; /* in a later row: down, then across */
        context.moveTo(x, y);
        if (below) {
          const turn = to[1] - ROW_GAP * this.scale * this.surface.k / 2;
          context.lineTo(x + box[2] * 0.2, y);
          context.lineTo(x + box[2] * 0.2, turn);
          context.lineTo(to[0] - box[2] * 0.2, turn);
          context.lineTo(to[0] - box[2] * 0.2, to[1] + to[3] / 2);
        }
        context.lineTo(to[0], to[1] + to[3] / 2);
      }
    });
    context.stroke();
    context.globalAlpha = 1;
  }

  hit(x, y) {
    if (!this.places) return null;
    for (let index = 0; index < report.units.length; index++) {
      const [left, top, w, h] = this.box(index);
      if (x >= left - 1 && x <= left + Math.max(w, 2) + 1 && y >= top - 1 && y <= top + Math.max(h, 2) + 1) {
        return {text: describeUnit(report.units[index]), unit: index};
      }
    }
    return null;
  }
}

function describeUnit(unit) {
  return unit.name + "\n" + unit.operators + " on " + unit.device + "\npredicted " +
    seconds(unit.predicted.seconds) + " (" + unit.predicted.source + ")" +
    (unit.measured ? ", measured " + seconds(took(unit)) : "");
}
