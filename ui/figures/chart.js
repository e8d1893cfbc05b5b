// A figure, drawn by plotly: at once where it is in the window, and else when the browser has nothing else to do.
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

const waiting = new Set(); // charts that are still to be drawn
let turn = false; // will one of them be drawn soon?

const next = () => {
  if (turn || !waiting.size) return;
  turn = true;
  requestAnimationFrame(() => {
    const seen = [...waiting].find((chart) => chart.inWindow());
    (seen ? setTimeout : idle)(async () => {
      const chart = [...waiting].find((one) => one.inWindow()) ?? waiting.values().next().value;
      waiting.delete(chart);
      try {
        await chart?.draw();
      } finally {
        turn = false;
        next();
      }
    });
  });
};

class Chart {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "chart";
    this.root.setAttribute("role", "figure");
    parent.append(this.root);
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.root);
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
    next();
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
    this.width = root.clientWidth;
    await Plotly.react(root, data, layout, CONFIG);
    if (!this.listens) root.on("plotly_click", ({ points }) => this.chosen(points));
    this.listens = true;
    if (spec === this.spec) root.dataset.drawn = "";
  }

  chosen(points) {
    const found = points.find(({ customdata }) => customdata)?.customdata;
    if (found && this.component.data.pick) this.component.setTriggerValue("chosen", Array.from(found));
  }

  async fit() {
    if (!("drawn" in this.root.dataset)) return this.wait();
    if (!this.root.clientWidth || this.root.clientWidth === this.width) return;
    this.width = this.root.clientWidth;
    (await plotly).Plots.resize(this.root);
  }

  async gone() {
    waiting.delete(this);
    this.sized.disconnect();
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
