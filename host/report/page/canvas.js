"use strict";
/* A canvas that keeps sharp, zooms, pans, and tells what is under the pointer. */

const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";
const surfaces = [];

class Surface {
  /* options: label, height, draw(context, surface), hit(x, y, surface) -> {text, unit} or null;
   * zoomX, zoomY: which ways it zooms; left: what does not move at the left. */
  constructor(host, options) {
    Object.assign(this, {left: 0, zoomX: false, zoomY: false}, options);
    this.k = 1;
    this.x = this.y = 0;
    this.canvas = el("canvas", {tabindex: "0", role: "img", "aria-label": options.label});
    host.append(el("div", {class: "surface"}, this.canvas));
    this.canvas.style.height = this.height + "px";
    new ResizeObserver(() => this.redraw()).observe(this.canvas);
    selection.listeners.push(() => this.redraw());
    this.listen();
    surfaces.push(this);
    this.redraw();
  }

  get width() { return this.canvas.clientWidth; }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.pending = false;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.width * ratio));
    this.canvas.height = Math.round(this.height * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = FONT;
    context.textBaseline = "middle";
    this.draw(context, this);
  }

  /* From the picture as it lies unzoomed to the screen. */
  toX(x) { return this.left + (x - this.left) * (this.zoomX ? this.k : 1) + this.x; }
  toY(y) { return y * (this.zoomY ? this.k : 1) + this.y; }
  fromX(x) { return (x - this.x - this.left) / (this.zoomX ? this.k : 1) + this.left; }
  fromY(y) { return (y - this.y) / (this.zoomY ? this.k : 1); }

  zoom(factor, x, y) {
    if (!this.zoomX) return;
    const k = Math.min(1e5, Math.max(1, this.k * factor));
    const wx = this.fromX(x), wy = this.fromY(y);
    this.k = k;
    this.x += x - this.toX(wx);
    this.y += y - this.toY(wy);
    this.pan(0, 0);
  }

  pan(dx, dy) {
    const room = this.width - this.left;
    this.x = Math.min(0, Math.max(room * (1 - this.k), this.x + dx));
    this.y = this.zoomY ? Math.min(0, Math.max(this.height * (1 - this.k), this.y + dy)) : 0;
    this.redraw();
  }

  reset() {
    this.k = 1;
    this.pan(-this.x, -this.y);
  }

  listen() {
    const canvas = this.canvas;
    const place = event => [event.offsetX, event.offsetY];
    let from = null, moved = false;
    canvas.addEventListener("wheel", event => {
      if (!this.zoomX || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.002), ...place(event));
    }, {passive: false});
    canvas.addEventListener("pointerdown", event => {
      from = [event.clientX, event.clientY];
      moved = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (from !== null && this.zoomX) {
        const dx = event.clientX - from[0], dy = event.clientY - from[1];
        moved = moved || Math.abs(dx) + Math.abs(dy) > 4;
        if (moved) {
          from = [event.clientX, event.clientY];
          this.pan(dx, dy);
        }
      }
      this.tell(event, place(event));
    });
    canvas.addEventListener("pointerup", event => {
      const found = from !== null && !moved ? this.hit(...place(event), this) : null;
      from = null;
      if (found && found.unit !== undefined) selection.set(found.unit, this);
    });
    canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
    canvas.addEventListener("keydown", event => this.key(event));
  }

  tell(event, place) {
    const tip = byId("tip");
    const found = this.hit(...place, this);
    this.canvas.style.cursor = found ? "pointer" : "default";
    tip.hidden = !found;
    if (!found) return;
    tip.textContent = found.text;
    const right = event.clientX + 16 + tip.offsetWidth > window.innerWidth;
    tip.style.left = Math.max(4, right ? event.clientX - tip.offsetWidth - 12 : event.clientX + 14) + "px";
    tip.style.top = Math.min(window.innerHeight - tip.offsetHeight - 6, event.clientY + 14) + "px";
  }

  key(event) {
    if (!this.zoomX || event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = [this.left + (this.width - this.left) / 2, this.height / 2];
    const step = 80;
    const actions = {
      "+": () => this.zoom(1.5, ...middle), "=": () => this.zoom(1.5, ...middle),
      "-": () => this.zoom(1 / 1.5, ...middle), "0": () => this.reset(),
      ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
    };
    if (this.zoomY) {
      actions.ArrowUp = () => this.pan(0, step);
      actions.ArrowDown = () => this.pan(0, -step);
    }
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  }
}

/* Text cut to a width. */
function fitText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText("…" + text.slice(text.length - middle)).width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? "…" + text.slice(text.length - low) : "";
}

/* Round numbers between 0 and most, about so many. */
function ticks(from, to, count) {
  const rough = (to - from) / Math.max(1, count);
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough * 0.999);
  const list = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) list.push(i * step);
  return list;
}
