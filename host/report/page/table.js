"use strict";
/* The table of units: only the rows in sight exist. */

const ROW = 22;

/* The device to which moving the unit alone costs least, and what. */
function bestMove(unit) {
  let best = null;
  for (const move of unit.moves) {
    if (move.device === unit.device || move.moved === null || goal.value === null) continue;
    const cost = move.moved - goal.value;
    if (best === null || cost < best.cost) best = {device: move.device, cost};
  }
  return best;
}

function makeColumns() {
  const total = report.units.reduce((sum, unit) => sum + time(unit), 0) || 1;
  const measured = report.summary.measured !== null;
  const columns = [
    {key: "index", title: "#", wide: [58, 0], number: true, value: (unit, i) => i, text: String},
    {key: "name", title: "unit", wide: [160, 3], tail: true, value: unit => unit.name},
    {key: "operators", title: "operators", wide: [120, 2], value: unit => unit.operators},
    {key: "shape", title: "output", wide: [130, 0],
     value: unit => unit.shape.join("x") + " " + unit.dtype},
    {key: "device", title: "device", wide: [112, 1], value: unit => unit.device},
    {key: "predicted", title: "pred. ms", hint: "predicted, milliseconds", wide: [112, 0], number: true,
     value: unit => unit.predicted.seconds, text: ms},
  ];
  if (measured) {
    columns.push(
      {key: "measured", title: "meas. ms", hint: "measured, milliseconds: median of the runs", wide: [112, 0], number: true, value: took, text: ms},
      {key: "off", title: "pred./meas.", hint: "predicted over measured", wide: [112, 0], number: true,
       value: unit => took(unit) > 0 ? unit.predicted.seconds / took(unit) : null,
       text: value => value === null ? "–" : value.toFixed(2)});
  }
  columns.push(
    {key: "share", title: "share", hint: "of the sum of all units", wide: [70, 0], number: true, value: unit => time(unit) / total,
     text: value => (100 * value).toFixed(1) + " %"},
    {key: "rate", title: "GFLOP/s", wide: [84, 0], number: true,
     value: unit => time(unit) > 0 && unit.flops > 0 ? unit.flops / time(unit) * 1e-9 : null,
     text: value => value === null ? "–" : value.toFixed(1)});
  if (report.units.some(unit => typeof unit.snr_db === "number")) {
    columns.push({key: "snr", title: "SNR dB", wide: [74, 0], number: true,
                  value: unit => typeof unit.snr_db === "number" ? unit.snr_db : null,
                  text: value => value === null ? "–" : value.toFixed(1)});
  }
  columns.push(
    {key: "source", title: "cost is", wide: [86, 0], value: unit => unit.predicted.source},
    {key: "move", title: "best move", hint: "what the plan would change by if the unit moved where that costs least", wide: [190, 1],
     value: unit => { const move = bestMove(unit); return move ? move.cost : null; },
     text: (value, unit) => value === null ? "–"
       : signed(value, goal.text) + " → " + bestMove(unit).device},
    {key: "reason", title: "why there", wide: [130, 3], value: unit => unit.reason});
  return columns;
}

class UnitTable {
  constructor(host) {
    this.columns = makeColumns();
    this.sortKey = "index";
    this.descending = false;
    this.query = "";
    this.device = "";
    this.printing = false;
    this.order = report.units.map((unit, index) => index);
    this.words = report.units.map(unit => [unit.name, unit.operators, unit.device, unit.reason,
      unit.implementation, unit.predicted.source, unit.dtype].join(" ").toLowerCase());
    this.build(host);
    this.refresh();
    selection.listeners.push((unit, from) => {
      if (from !== this) this.reveal(unit);
      this.draw();
    });
  }

  build(host) {
    this.head = el("div", {class: "head", role: "row"});
    for (const column of this.columns) {
      const button = el("button", {type: "button"}, column.title);
      button.addEventListener("click", () => this.sort(column.key));
      this.head.append(el("div", {role: "columnheader", class: column.number ? "number" : null,
                                  "data-key": column.key, title: column.hint || null}, button));
    }
    this.body = el("div", {class: "body", role: "rowgroup"});
    this.grid = el("div", {class: "grid", role: "grid", tabindex: "0", "aria-label": "Units",
                           "aria-colcount": this.columns.length}, this.head, this.body);
    this.grid.addEventListener("scroll", () => this.draw());
    this.grid.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.resize()).observe(this.grid);
    host.append(this.grid);
  }

  /* What the columns leave of the width is shared among those that want it. */
  resize() {
    const least = this.columns.reduce((sum, column) => sum + column.wide[0], 0);
    const shares = this.columns.reduce((sum, column) => sum + column.wide[1], 0);
    const spare = Math.max(0, this.grid.clientWidth - least) / shares;
    const widths = this.columns.map(column => Math.floor(column.wide[0] + column.wide[1] * spare));
    this.grid.style.setProperty("--columns", widths.map(width => this.printing
      ? "minmax(0, " + width + "fr)" : width + "px").join(" ")); /* paper has no scroll bar */
    this.draw();
  }

  sort(key) {
    const column = this.columns.find(one => one.key === key);
    this.descending = this.sortKey === key ? !this.descending : Boolean(column.number && key !== "index");
    this.sortKey = key;
    this.refresh();
  }

  filter(query, device) {
    this.query = query.toLowerCase().trim();
    this.device = device;
    this.refresh();
  }

  refresh() {
    const column = this.columns.find(one => one.key === this.sortKey);
    const words = this.query.split(/\s+/).filter(word => word !== "");
    const values = report.units.map((unit, index) => column.value(unit, index));
    const sign = this.descending ? -1 : 1;
    this.order = report.units.map((unit, index) => index).filter(index =>
      (this.device === "" || report.units[index].device === this.device) &&
      words.every(word => this.words[index].includes(word)));
    this.order.sort((a, b) => {
      const x = values[a], y = values[b];
      if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1; /* unknown: last */
      const order = typeof x === "string" ? x.localeCompare(y, "en", {numeric: true}) : x - y;
      return sign * order || a - b;
    });
    for (const cell of this.head.children) {
      cell.setAttribute("aria-sort", cell.dataset.key !== this.sortKey ? "none"
        : this.descending ? "descending" : "ascending");
    }
    this.grid.setAttribute("aria-rowcount", this.order.length + 1);
    byId("count").textContent = this.order.length === report.units.length
      ? this.order.length + " units" : this.order.length + " of " + report.units.length + " units";
    this.body.style.height = this.order.length * ROW + "px";
    this.draw();
  }

  row(place) {
    const index = this.order[place];
    const unit = report.units[index];
    const row = el("div", {class: "row", role: "row", "aria-rowindex": place + 2,
                           "aria-selected": index === selection.unit ? "true" : "false",
                           "data-unit": index});
    row.style.top = place * ROW + "px";
    for (const column of this.columns) {
      const value = column.value(unit, index);
      const text = column.text ? column.text(value, unit) : value;
      const cell = el("div", {role: "gridcell", title: column.tail ? text : null,
                              class: column.number ? "number" : column.tail ? "tail" : null});
      if (column.key === "device") {
        cell.append(swatch(unit.device), text);
        if (unit.fallback) cell.append(" ", el("span", {class: "badge"}, "fallback"));
      } else {
        cell.append(column.tail ? el("bdi", null, text) : text);
      }
      row.append(cell);
    }
    row.addEventListener("click", () => selection.set(index, this));
    return row;
  }

  draw() {
    const height = this.grid.clientHeight || 540;
    const first = this.printing ? 0 : Math.max(0, Math.floor(this.grid.scrollTop / ROW) - 6);
    const last = this.printing ? this.order.length
      : Math.min(this.order.length, Math.ceil((this.grid.scrollTop + height) / ROW) + 6);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.row(place));
    this.body.replaceChildren(...rows);
  }

  print(printing) {
    this.printing = printing;
    this.resize();
  }

  reveal(unit) {
    const place = this.order.indexOf(unit);
    if (place < 0) return;
    const head = this.head.offsetHeight;
    const room = this.grid.clientHeight - head;
    if (place * ROW < this.grid.scrollTop) {
      this.grid.scrollTop = place * ROW;
    } else if ((place + 1) * ROW > this.grid.scrollTop + room) {
      this.grid.scrollTop = (place + 1) * ROW - room;
    }
  }

  move(steps) {
    if (this.order.length === 0) return;
    const place = this.order.indexOf(selection.unit);
    const from = place < 0 ? -1 : place;
    const next = Math.min(this.order.length - 1, Math.max(0, from + steps));
    this.reveal(this.order[next]);
    selection.set(this.order[next], this);
  }

  key(event) {
    if (event.target !== this.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const steps = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page,
                   Home: -this.order.length, End: this.order.length}[event.key];
    if (steps !== undefined) {
      event.preventDefault();
      this.move(steps);
    }
  }
}
