// A figure, drawn by plotly: at once where it is in the window, and else when the page is still and idle.
// See __init__.py. Its height is known before it is drawn, so nothing moves.

const CONFIG = {
  displaylogo: false,
  displayModeBar: true, // not only when the pointer is over it
  modeBarButtons: [["toImage", "resetScale2d"]],
};
const idle = globalThis.requestIdleCallback ?? ((then) => setTimeout(then, 50));

let plotly; // a promise of the library, which the first figure loads
const library = (path) => {
  const root = new URL("../../", document.querySelector("script[src*='static/js/']").src);
  return (plotly ??= import(new URL(path, root)).then((module) => module.default));
};

const STILL = 300; // milliseconds after the last figure came: who only passes by need not wait for those below
const waiting = new Set(); // charts that are still to be drawn
let drawing = false;
let came = 0; // when the last of them came
let later; // the timer for those out of the window

const next = () => {
  clearTimeout(later);
  if (drawing || !waiting.size) return;
  const seen = [...waiting].find((chart) => chart.inWindow());
  if (seen) draw(seen);
  else later = setTimeout(() => idle(() => draw(waiting.values().next().value)), came + STILL - performance.now());
};

const draw = async (chart) => {
  if (drawing || !waiting.delete(chart)) return;
  drawing = true;
  try {
    await new Promise(requestAnimationFrame);
    await chart.draw();
  } finally {
    drawing = false;
    next();
  }
};

const passing = new IntersectionObserver(next); // a chart comes into the window

class Chart {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "chart";
    this.root.setAttribute("role", "figure");
    parent.append(this.root);
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.root);
    passing.observe(this.root);
  }

  update({ data, setTriggerValue }) {
    this.component = { data, setTriggerValue };
    this.root.setAttribute("aria-label", data.alt);
    this.root.style.height = `${data.height}px`;
    library(data.library);
    if (this.spec === data.spec) return;
    this.spec = data.spec;
    delete this.root.dataset.drawn;
    this.wait();
  }

  // Until it is drawn; where it has no width, it is in a tab that is not open.
  wait() {
    if (!this.root.clientWidth) return;
    waiting.add(this);
    came = performance.now();
    requestAnimationFrame(next);
  }

  inWindow() {
    const { top, bottom } = this.root.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  async draw() {
    const { spec, root } = this;
    const { data, layout } = JSON.parse(spec);
    const { pick, library: path } = this.component.data;
    if (pick) layout.hovermode ??= "closest";
    if (pick) layout.dragmode ??= "pan";
    const Plotly = await library(path);
    if (!root.isConnected) return;
    this.width = layout.width = root.clientWidth; // told, or plotly keeps the width of what was drawn before
    await Plotly.react(root, data, layout, CONFIG);
    if (!this.listens) root.on("plotly_click", ({ points }) => this.chosen(points));
    this.listens = true;
    if (spec !== this.spec) return;
    root.dataset.drawn = "";
    this.fit();
  }

  chosen(points) {
    const found = points.find(({ customdata }) => customdata)?.customdata;
    if (found && this.component.data.pick) this.component.setTriggerValue("chosen", Array.from(found));
  }

  async fit() {
    if (!("drawn" in this.root.dataset)) return this.wait();
    if (!this.root.clientWidth || this.root.clientWidth === this.width) return;
    this.width = this.root.clientWidth;
    (await plotly).relayout(this.root, { width: this.width });
  }

  async gone() {
    waiting.delete(this);
    this.sized.disconnect();
    passing.unobserve(this.root);
    if (this.listens) (await plotly).purge(this.root);
  }
}

const charts = new WeakMap();

export default (component) => {
  const { parentElement: root, data } = component;
  if (!data) return;
  if (!charts.has(root)) charts.set(root, new Chart(root));
  charts.get(root).update(component);
  return () => setTimeout(() => {
    if (root.isConnected) return; // it is only given anew
    charts.get(root)?.gone();
    charts.delete(root);
  });
};
