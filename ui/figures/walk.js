// Arrow keys go from point to point of the plotly figure above, Enter chooses one. See __init__.py.

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ACROSS = 3; // a pixel beside the way counts as much as so many along it

// What plotly's template says of a point, in one line.
const say = (template, point) => template
  .replace(/<extra>.*?<\/extra>/g, "").replace(/<br>/g, ", ")
  .replace(/%\{(x|y|customdata)(?:\[(\d+)\])?(?::([^}]*))?\}/g, (_, name, index, form) => {
    const value = index === undefined ? point[name] : point[name][+index];
    const places = /\.(\d)f/.exec(form ?? "");
    if (typeof value !== "number" || !places) return value;
    return (form.startsWith("+") && value > 0 ? "+" : "") + value.toFixed(+places[1]);
  });

class Walk {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "walk";
    this.button = document.createElement("button");
    Object.assign(this.button, { type: "button", textContent: "Walk by keys", title: "Arrow keys go from point to point, Enter chooses one" });
    this.told = document.createElement("span");
    this.told.setAttribute("aria-live", "polite");
    this.cursor = document.createElement("div");
    this.cursor.className = "walk-cursor";
    this.root.append(this.button, this.told);
    parent.append(this.root);
    this.button.onkeydown = (event) => this.key(event);
    this.button.onfocus = () => this.show();
    this.button.onclick = () => this.show();
    this.button.onblur = () => this.hide();
  }

  update(component) {
    this.component = component;
    if (document.activeElement === this.button) this.show();
  }

  plot() {
    return document.querySelector(`.st-key-${CSS.escape(this.component.data.figure)} .chart`);
  }

  // Every point that can be chosen, and where it is in the plot.
  points(plot) {
    const layout = plot._fullLayout;
    return plot._fullData.filter(({ customdata, hoverinfo, visible }) => customdata && hoverinfo !== "skip" && visible === true)
      .flatMap((trace) => {
        const [across, down] = ["x", "y"].map((axis) => layout[trace[`${axis}axis`].replace(axis, `${axis}axis`)]);
        return Array.from(trace.x, (x, at) => ({
          x, y: trace.y[at], customdata: Array.from(trace.customdata[at]), template: trace.hovertemplate ?? "",
          left: across._offset + across.d2p(x), top: down._offset + down.d2p(trace.y[at]),
        }));
      });
  }

  // Where the walk begins: at what is framed, if anything is.
  start(plot, points) {
    const { shapes, xaxis, yaxis } = plot._fullLayout;
    const frame = shapes.find(({ type, fillcolor }) => type === "rect" && fillcolor === "rgba(0,0,0,0)");
    if (!frame) return points[0];
    const left = xaxis._offset + (xaxis.r2p(frame.x0) + xaxis.r2p(frame.x1)) / 2;
    const top = yaxis._offset + (yaxis.r2p(frame.y0) + yaxis.r2p(frame.y1)) / 2;
    const far = (point) => Math.hypot(point.left - left, point.top - top);
    return points.reduce((best, point) => (far(point) < far(best) ? point : best));
  }

  show(way) {
    const plot = this.plot();
    if (!plot?._fullData) return;
    const points = this.points(plot);
    if (!points.length) return;
    const same = (point) => this.at && String(point.customdata.slice(0, 2)) === String(this.at.customdata.slice(0, 2));
    let at = points.find(same) ?? this.start(plot, points);
    if (way) at = this.next(points, at, way) ?? at;
    this.at = at;
    plot.style.position = "relative";
    plot.append(this.cursor);
    Object.assign(this.cursor.style, { left: `${at.left}px`, top: `${at.top}px` });
    this.told.textContent = say(at.template, at);
  }

  next(points, at, [across, down]) {
    let best, least = Infinity;
    for (const point of points) {
      const x = point.left - at.left, y = point.top - at.top, along = x * across + y * down;
      const far = along + ACROSS * Math.abs(x * down + y * across);
      if (along > 0.5 && far < least) [best, least] = [point, far];
    }
    return best;
  }

  hide() {
    this.cursor.remove();
    this.told.textContent = "";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (WAYS[event.key]) this.show(WAYS[event.key]);
    else if (event.key === "Enter" && this.at) this.component.setTriggerValue("chosen", this.at.customdata);
    else return;
    event.preventDefault();
  }
}

const walks = new WeakMap();

export default (component) => {
  const { parentElement: root, data } = component;
  if (!data) return;
  if (!walks.has(root)) walks.set(root, new Walk(root));
  walks.get(root).update(component);
};
