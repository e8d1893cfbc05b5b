// The scatter view: points on a canvas, a lasso, a legend and a hover line. See __init__.py for its Python side.
//
// Three kinds of messages arrive on the page-wide queue `globalThis.filmScatter`: bytes that are kept under their
// name, a view to draw, and a view that is gone. Bytes come once; a view is small and comes at every change.

import createScatterplot, { createRenderer } from "regl-scatterplot";

const KEPT = 32; // blobs kept, the oldest goes first
const KEPT_TEXTS = 8; // of them unpacked
const NAME = 16; // characters of a blob's name, at its head
const NEAR = 50; // questions that the key S selects around the current one
const ABOVE = 465; // pixels that the page's head, the choices and the legend take
const DRAG = 4; // pixels; a pointer that has moved less between down and up has clicked
const ZOOM = 1.5; // of one press of a zoom button
const FADE = 0.8; // of the ground's colour in what is not selected
const SAME = 24; // pixels; words of a question's path whose places are nearer are written together
const FONT = "12px sans-serif"; // of a PNG's names and caption
const ROW = 17; // pixels, a line of them
const LETTER = 5.7; // pixels, the width of a letter, about

const blobs = new Map();
const plots = new Map();
let renderer;

// --- Bytes ---------------------------------------------------------------------------------------

function keep(bytes) {
  const name = new TextDecoder().decode(bytes.subarray(0, NAME));
  const kept = blobs.get(name) ?? bytes.slice(NAME);
  blobs.delete(name); // the last that came is the last to go
  blobs.set(name, kept);
  const used = new Set([...plots.values()].flatMap(({ data }) => [data?.points, data?.codes, data?.texts, data?.contours]));
  const unused = [...blobs.keys()].filter((one) => one !== name && !used.has(one));
  unused.slice(0, Math.max(0, blobs.size - KEPT)).forEach((one) => blobs.delete(one));
  for (const plot of plots.values()) plot.show();
}

const texts = new Map();

async function lines(name) {
  // Questions travel compressed and are unpacked after the points are on the screen.
  if (!texts.has(name)) {
    const packed = new Blob([blobs.get(name)]).stream().pipeThrough(new DecompressionStream("gzip"));
    if (texts.size > KEPT_TEXTS) texts.clear();
    texts.set(name, new Response(packed).text().then((all) => all.split("\n")));
  }
  return texts.get(name);
}

function toBits(points, count) {
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (const i of points) bits[i >> 3] |= 128 >> (i & 7);
  let text = "";
  for (let i = 0; i < bits.length; i += 8192) text += String.fromCharCode(...bits.subarray(i, i + 8192));
  return btoa(text);
}

function fromBits(base64, count) {
  const found = [];
  const bits = atob(base64);
  for (let i = 0; i < count; i++) if (bits.charCodeAt(i >> 3) & (128 >> (i & 7))) found.push(i);
  return found;
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function wrapped(pen, text, width) {
  const rows = [""];
  for (const word of text.split(" ")) {
    const longer = `${rows[rows.length - 1]} ${word}`.trim();
    if (pen.measureText(longer).width <= width) rows[rows.length - 1] = longer;
    else rows.push(word);
  }
  return rows;
}

// --- A view --------------------------------------------------------------------------------------

const SHELL = `
  <div class="fs-tools" role="toolbar" aria-label="Projection tools">
    <button data-do="lasso" aria-pressed="true" title="Draw around questions to select them">Lasso</button>
    <button data-do="move" aria-pressed="false" title="Drag to move">Pan</button>
    <button data-do="in" aria-label="Zoom in" title="Zoom in (+, or Ctrl and the wheel)">+</button>
    <button data-do="out" aria-label="Zoom out" title="Zoom out (-, or Ctrl and the wheel)">−</button>
    <button data-do="home" title="See the whole projection">Reset view</button>
    <button data-do="clear" title="Drop the selection (Escape)">Clear</button>
    <button data-do="png" title="The figure as it stands, with its caption">PNG</button>
    <span class="fs-state" aria-live="polite"></span>
  </div>
  <div class="fs-stage" tabindex="0" role="application">
    <canvas></canvas><svg class="fs-over" aria-hidden="true"><g class="fs-contours"></g><g></g></svg><div class="fs-tip" role="status"></div>
  </div>
  <div class="fs-legend"></div>`;

class Plot {
  constructor(parent) {
    const root = (this.root = document.createElement("div")); // beside the styles that Streamlit puts there
    root.className = "fs";
    root.innerHTML = SHELL;
    parent.append(root);
    this.stage = root.querySelector(".fs-stage");
    this.canvas = root.querySelector("canvas");
    this.over = root.querySelector("svg");
    [this.contours, this.marks] = this.over.children;
    this.tip = root.querySelector(".fs-tip");
    this.drawn = {};
    this.selected = [];
    this.current = -1;
    renderer ??= createRenderer();
    this.scatter = createScatterplot({
      canvas: this.canvas, renderer, width: 10, height: 10, syncEvents: true, mouseMode: "lasso", lassoColor: "#1f8fe0",
      lassoMinDelay: 5, lassoMinDist: DRAG, deselectOnEscape: false, deselectOnDblClick: false, pointOutlineWidth: 0,
      pointSizeSelected: 1, opacityInactiveScale: 0.6, backgroundColor: [0, 0, 0, 0], colorBy: "valueA",
      actionKeyMap: { lasso: "shift", merge: "ctrl", remove: "alt" },
    });
    this.listen();
    this.fit();
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.stage);
  }

  listen() {
    let lassoing = false;
    this.scatter.subscribe("lassoStart", () => { lassoing = true; this.hint(-1); });
    this.scatter.subscribe("lassoEnd", () => {
      lassoing = false;
      if (!this.dragged) return this.mark(this.selected);
      const found = this.scatter.get("selectedPoints").filter((i) => i < this.count);
      if (found.length || this.selected.length) this.take(found);
    });
    this.scatter.subscribe("select", ({ points }) => {
      if (lassoing) return;
      this.mark(this.selected); // a click picks one question and leaves the selection alone
      if (points.length) this.pick(points[points.length - 1]);
    });
    this.scatter.subscribe("deselect", () => { if (!lassoing) this.mark(this.selected); });
    this.scatter.subscribe("pointover", (i) => { if (!lassoing) this.hint(i); });
    this.scatter.subscribe("pointout", () => this.hint(-1));
    this.scatter.subscribe("view", ({ view }) => { this.camera = view; this.overlay(); });
    this.root.querySelector(".fs-tools").onclick = (event) => this.press(event.target.dataset.do);
    // The page scrolls under the wheel; with Ctrl, as a pinch of two fingers says too, the plot zooms.
    this.stage.addEventListener("wheel", (event) => { if (!event.ctrlKey) event.stopPropagation(); }, { capture: true });
    // A lasso may end on a point where it began: only a pointer that stood still has clicked.
    let down = [0, 0];
    this.stage.addEventListener("mousedown", (event) => { down = [event.clientX, event.clientY]; this.dragged = false; }, { capture: true });
    this.stage.addEventListener("mousemove", (event) => {
      if (event.buttons) this.dragged ||= Math.hypot(event.clientX - down[0], event.clientY - down[1]) >= DRAG;
    }, { capture: true });
    this.stage.addEventListener("click", (event) => { if (this.dragged) event.stopPropagation(); }, { capture: true });
    this.stage.onkeydown = (event) => this.key(event);
    this.stage.onblur = () => this.hint(-1);
    this.root.querySelector(".fs-legend").onclick = (event) => {
      const code = event.target.closest("button")?.dataset.code;
      if (code !== undefined) this.component.setTriggerValue("legend", +code);
    };
  }

  update(component) {
    this.component = component;
    this.data = component.data;
    this.show();
  }

  // Draw what has changed since the last time, as soon as its bytes are there.
  show() {
    const data = this.data;
    if (!data || !blobs.has(data.points) || !blobs.has(data.codes)) return;
    this.root.classList.toggle("fs-dark", data.dark);
    this.stage.style.height = `min(${data.height}px, max(320px, 100vh - ${ABOVE}px))`; // all of it is seen at once
    this.stage.setAttribute("aria-label", data.label);
    this.count = data.count;
    const colors = `${data.codes} ${data.palette}`;
    if (this.drawn.points !== data.points || this.drawn.colors !== colors) {
      const moved = this.drawn.points !== data.points;
      this.drawn = { points: data.points, colors };
      this.points(moved, colors);
    } else if (this.drawn.selection !== data.selection) {
      this.select();
    }
    this.overlay();
    if (blobs.has(data.texts)) lines(data.texts).then((all) => { this.lines = all; });
    this.outline(data.contours);
  }

  async points(moved, colors) {
    const data = this.data, bytes = blobs.get(data.points);
    this.selected = data.selection ? fromBits(data.selection, data.count) : [];
    const places = new Float32Array(bytes.buffer, bytes.byteOffset, 2 * data.count);
    this.x = places.subarray(0, data.count);
    this.y = places.subarray(data.count);
    this.codes = blobs.get(data.codes);
    this.fit();
    this.scatter.set({ ...this.colors(), pointSize: data.size, opacity: data.opacity });
    if (moved) this.scatter.reset({ preventEvent: false });
    this.drawn.selection = data.selection;
    const valueB = this.codes.map((code) => data.shapes[code] ?? 0);
    const kinds = { zDataType: "categorical", wDataType: "categorical" };
    await this.scatter.draw({ x: this.x, y: this.y, valueA: this.codes, valueB }, { ...kinds, select: this.selected });
    if (this.drawn.colors !== colors) return; // overtaken by a later change
    this.mark(this.selected);
    this.legend();
    this.root.dataset.drawn = data.points;
    this.root.dataset.drawnAt = performance.now();
  }

  select() {
    this.drawn.selection = this.data.selection;
    this.selected = this.data.selection ? fromBits(this.data.selection, this.count) : [];
    this.mark(this.selected);
    this.legend();
  }

  fit() {
    const { width, height } = this.stage.getBoundingClientRect();
    if (width < 2 || height < 2) return;
    this.scatter.set({ width, height });
    this.over.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.overlay();
  }

  // Points that lie over one another add up to their colour: faint ones need a paler colour, not opacity alone.
  colors() {
    const { palette, dark } = this.data, ground = getComputedStyle(this.root).getPropertyValue("--fs-ground").trim();
    const part = (color, at) => parseInt(color.slice(at, at + 2), 16);
    const faded = palette.map((color) => "#" + [1, 3, 5].map((at) =>
      Math.round(part(color, at) * (1 - FADE) + part(ground, at) * FADE).toString(16).padStart(2, "0")).join(""));
    // regl-scatterplot heeds the active and the hovered colours only where there are as many of each.
    const pointColorHover = palette.map(() => dark ? "#ffffff" : "#000000");
    return { pointColor: this.selected.length ? faded : palette, pointColorActive: palette, pointColorHover };
  }

  mark(points) {
    this.scatter.set(this.colors());
    if (points.length) this.scatter.select([...points], { preventEvent: true });
    else this.scatter.deselect({ preventEvent: true });
    this.root.querySelector(".fs-state").textContent = points.length
      ? `${points.length.toLocaleString("en")} of ${this.count.toLocaleString("en")} selected` : "";
  }

  // The visitor's own doing: shown at once, then told to Python.
  take(points) {
    this.selected = points;
    this.mark(points);
    this.legend();
    this.drawn.selection = this.data.selection = points.length ? toBits(points, this.count) : "";
    this.component.setTriggerValue("lasso", this.drawn.selection || "none");
  }

  pick(i) {
    if (i >= 0 && i < this.count) this.component.setTriggerValue("pick", i);
  }

  press(what) {
    if (what === "lasso" || what === "move") {
      this.scatter.set({ mouseMode: what === "lasso" ? "lasso" : "panZoom" });
      for (const button of this.root.querySelectorAll("[aria-pressed]"))
        button.setAttribute("aria-pressed", button.dataset.do === what);
    } else if (what === "in" || what === "out") this.zoom(what === "in" ? 1 / ZOOM : ZOOM);
    else if (what === "home") this.scatter.reset();
    else if (what === "clear") this.take([]);
    else if (what === "png") this.save();
  }

  zoom(by) {
    const target = this.scatter.get("cameraTarget"), distance = this.scatter.get("cameraDistance");
    this.scatter.zoomToLocation([...target].slice(0, 2), distance * by);
  }

  // --- Keyboard: arrows step from question to question, as they lie on the map.

  key(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (ways[event.key]) this.step(...ways[event.key]);
    else if (event.key === "Enter" && this.current >= 0) this.pick(this.current);
    else if (event.key === "s" && this.current >= 0) this.take(this.around(this.current));
    else if (event.key === "Escape") this.take([]);
    else if (event.key === "Home") this.scatter.reset();
    else if ((event.key === "+" || event.key === "-") && !event.ctrlKey) this.press(event.key === "+" ? "in" : "out");
    else return;
    event.preventDefault();
  }

  step(dx, dy) {
    const from = this.current;
    const [x, y] = from < 0 ? [0, 0] : [this.x[from], this.y[from]];
    let best = -1, least = Infinity;
    for (let i = 0; i < this.count; i++) {
      const ahead = (this.x[i] - x) * dx + (this.y[i] - y) * dy;
      const aside = Math.abs((this.x[i] - x) * dy) + Math.abs((this.y[i] - y) * dx);
      const far = ahead + 2 * aside;
      if (i !== from && far < least && (from < 0 || (ahead > 1e-6 && aside <= 1.5 * ahead))) [best, least] = [i, far];
    }
    if (best >= 0) { this.current = best; this.scatter.hover(best, { preventEvent: true }); this.hint(best); }
  }

  around(at) {
    const far = Float32Array.from(this.x, (x, i) => Math.hypot(x - this.x[at], this.y[i] - this.y[at]));
    const limit = Float32Array.from(far).sort()[Math.min(NEAR, this.count) - 1];
    return [...far.keys()].filter((i) => far[i] <= limit);
  }

  // --- What lies over and under the points

  place(x, y) {
    const { width, height } = this.stage.getBoundingClientRect(), v = this.camera ?? this.scatter.get("cameraView");
    const across = v[0] * x + v[4] * y + v[12], up = v[1] * x + v[5] * y + v[13];
    return [(width + height * across) / 2, (height * (1 - up)) / 2];
  }

  hint(i) {
    this.tip.style.display = i < 0 || i >= this.count ? "none" : "block";
    if (i < 0 || i >= this.count) return;
    const name = this.data.names[this.codes[i]] ?? "";
    this.tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: this.lines?.[i] ?? `question ${i}` }));
    if (name) this.tip.append(document.createElement("br"), name);
    const [x, y] = this.place(this.x[i], this.y[i]), { width, height } = this.stage.getBoundingClientRect();
    this.tip.style.left = `${Math.max(0, Math.min(x + 12, width - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${y + 14 + this.tip.offsetHeight > height ? y - this.tip.offsetHeight - 10 : y + 14}px`;
    this.root.dataset.hover = i;
  }

  // The contours of the density lie in the points' own units and move with the view.
  async outline(name) {
    if (this.drawn.contours === name || (name && !blobs.has(name))) return;
    this.drawn.contours = name;
    const ways = name ? await lines(name) : [];
    if (this.drawn.contours !== name) return; // overtaken
    this.contours.replaceChildren(...ways.map((way) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", way);
      return path;
    }));
  }

  overlay() {
    if (!this.data) return;
    const { width, height } = this.stage.getBoundingClientRect(), v = this.camera ?? this.scatter.get("cameraView"), half = height / 2;
    const matrix = [half * v[0], -half * v[1], half * v[4], -half * v[5], width / 2 + half * v[12], half * (1 - v[13])];
    this.contours.setAttribute("transform", `matrix(${matrix.join()})`);
    const taken = []; // boxes of what is written: middle, half the width, half the height
    const free = (x, y, wide, high = 10) => x > wide && x < width - wide && y > high && y < height - high
      && !taken.some(([tx, ty, w, h]) => Math.abs(tx - x) < w + wide && Math.abs(ty - y) < h + high);
    const parts = [...this.rings(), ...this.path(taken, free)]; // the question's path before other labels
    for (const [x, y, text] of this.data.labels) {
      const [cx, cy] = this.place(x, y), wide = 3.6 * text.length;
      if (!free(cx, cy, wide)) continue;
      taken.push([cx, cy, wide, 10]);
      parts.unshift(`<text class="fs-label" x="${cx}" y="${cy + 4}">${escape(text)}</text>`);
    }
    this.marks.innerHTML = parts.join("");
  }

  rings() {
    return this.data.rings.map(([x, y, kind]) => {
      const [cx, cy] = this.place(x, y);
      return `<circle class="fs-ring fs-${kind}" cx="${cx}" cy="${cy}" r="${kind === "chosen" ? 9 : 6}"/>`;
    });
  }

  // The question's way, word by word: words that lie at one place stand together, where nothing else is written.
  path(taken, free) {
    const steps = [], way = []; // what is written, and all places
    this.data.path.forEach(([x, y, word], i) => {
      const at = this.place(x, y), last = i === this.data.path.length - 1, near = steps[steps.length - 1];
      way.push(at);
      if (!last && near && Math.hypot(near.at[0] - at[0], near.at[1] - at[1]) < SAME) near.words.push(word);
      else steps.push({ at, words: [word], last });
    });
    if (!steps.length) return [];
    way.forEach(([x, y], i) => taken.push([x, y, ...(i === way.length - 1 ? [9, 9] : [4, 4])]));
    const corners = way.map((at) => at.join()).join(" ");
    const parts = ["fs-path fs-under", "fs-path"].map((name) => `<polyline class="${name}" points="${corners}"/>`);
    way.forEach(([x, y], i) => {
      const last = i === way.length - 1;
      parts.push(`<circle class="${last ? "fs-live" : "fs-word"}" cx="${x}" cy="${y}" r="${last ? 8 : 3.5}"/>`);
    });
    for (const { at: [x, y], words, last } of [...steps].reverse()) {
      const text = words.join(" "), wide = LETTER * (last ? 1.15 : 1) * text.length / 2, off = last ? 13 : 8;
      const sides = [[off + wide, 0], [-off - wide, 0], [0, -off - 7], [0, off + 8], [off + wide, 15], [off + wide, -15],
        [-off - wide, 15], [-off - wide, -15]];
      const [dx, dy] = sides.find(([across, down]) => free(x + across, y + down, wide, 6)) ?? sides[0];
      taken.push([x + dx, y + dy, wide, 6]);
      parts.push(`<text class="fs-step${last ? " fs-name" : ""}" x="${x + dx}" y="${y + dy + 4}">${escape(text)}</text>`);
    }
    return parts;
  }

  // Counts follow the selection.
  legend() {
    const box = this.root.querySelector(".fs-legend"), data = this.data;
    if (!data.legend) return box.replaceChildren();
    if (data.scale) {
      const [low, high] = data.scale;
      box.innerHTML = `<span></span><i style="background:linear-gradient(90deg,${data.palette.join()})"></i><span></span>`;
      box.firstChild.textContent = low;
      box.lastChild.textContent = high;
      return;
    }
    const all = new Uint32Array(256), chosen = new Uint32Array(256);
    for (let i = 0; i < this.count; i++) all[this.codes[i]]++;
    for (const i of this.selected) chosen[this.codes[i]]++;
    box.replaceChildren(...data.names.map((name, code) => {
      const button = document.createElement("button"), number = (n) => n.toLocaleString("en");
      const count = this.selected.length ? `${number(chosen[code])} of ${number(all[code])}` : number(all[code]);
      button.dataset.code = code;
      button.title = `Select: ${name}`;
      button.innerHTML = `<svg viewBox="-1.1 -1.1 2.2 2.2" aria-hidden="true"><path d="M0 0${data.glyphs[code]}" fill="${data.palette[code]}"/></svg>`
        + `<span></span> <em>${count}</em>`;
      button.querySelector("span").textContent = name;
      button.classList.toggle("fs-none", this.selected.length > 0 && !chosen[code]);
      return button;
    }));
  }

  // The figure as it stands: points, what lies over them, names of the colours, caption.
  async save() {
    const scale = window.devicePixelRatio || 1, { width, height } = this.stage.getBoundingClientRect();
    const style = getComputedStyle(this.root), [ink, ground] = ["ink", "ground"].map((name) => style.getPropertyValue(`--fs-${name}`));
    const measure = document.createElement("canvas").getContext("2d");
    measure.font = FONT;
    const rows = this.legendRows(measure, width), captions = wrapped(measure, this.data.caption, width - 16);
    const whole = height + ROW * (rows.length + captions.length) + 12;
    const sheet = Object.assign(document.createElement("canvas"), { width: width * scale, height: whole * scale });
    const pen = sheet.getContext("2d");
    pen.scale(scale, scale);
    pen.fillStyle = ground;
    pen.fillRect(0, 0, width, whole);
    pen.drawImage(this.canvas, 0, 0, width, height);
    pen.drawImage(await this.overImage(width, height, ink, ground), 0, 0, width, height);
    pen.font = FONT;
    rows.forEach((row, line) => row.forEach(({ name, code, x }) => {
      const y = height + ROW * (line + 1);
      pen.save();
      pen.translate(x, y - 4);
      pen.scale(5, 5);
      pen.fillStyle = this.data.palette[code];
      pen.fill(new Path2D(`M0 0${this.data.glyphs[code]}`));
      pen.restore();
      pen.fillStyle = ink;
      pen.fillText(name, x + 10, y);
    }));
    pen.fillStyle = ink;
    captions.forEach((line, at) => pen.fillText(line, 8, height + ROW * (rows.length + at + 1)));
    const link = Object.assign(document.createElement("a"), { href: sheet.toDataURL("image/png"), download: "atlas.png" });
    link.click();
  }

  // The names of the colours in rows of a width.
  legendRows(pen, width) {
    const rows = [];
    let x = Infinity;
    this.data.glyphs.forEach((_, code) => {
      const name = this.data.names[code], wide = pen.measureText(name).width + 28;
      if (x + wide > width) { rows.push([]); x = 14; }
      rows[rows.length - 1].push({ name, code, x });
      x += wide;
    });
    return rows;
  }

  async overImage(width, height, ink, ground) {
    const over = this.over.cloneNode(true), style = document.createElement("style");
    const rules = [...document.styleSheets].flatMap((sheet) => { try { return [...sheet.cssRules]; } catch { return []; } });
    style.textContent = rules.filter((rule) => rule.selectorText?.includes(".fs-")).map((rule) => rule.cssText).join("\n");
    over.prepend(style);
    over.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    over.setAttribute("width", width);
    over.setAttribute("height", height);
    over.setAttribute("style", `--fs-ink: ${ink}; --fs-ground: ${ground}; font-family: sans-serif`);
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(over))}`;
    await image.decode();
    return image;
  }

  destroy() {
    this.watch.disconnect();
    this.scatter.destroy();
  }
}

// --- The queue -----------------------------------------------------------------------------------

function handle(message) {
  const { parentElement: root, data, gone } = message;
  if (data instanceof Uint8Array) keep(data);
  else if (gone) {
    // A view that only moves on the page comes back at once and keeps its plot.
    setTimeout(() => { if (!gone.isConnected) { plots.get(gone)?.destroy(); plots.delete(gone); } }, 1000);
  } else if (data) {
    if (!plots.has(root)) plots.set(root, new Plot(root));
    plots.get(root).update(message);
  }
}

if (!globalThis.filmScatter?.handle) {
  const waiting = globalThis.filmScatter ?? [];
  globalThis.filmScatter = { handle, push: handle };
  waiting.forEach(handle);
}

export default () => {};
