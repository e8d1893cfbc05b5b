// The plan of a scene from above, the camera below: objects are dragged, or moved by keyboard. See __init__.py.

const SVG = "http://www.w3.org/2000/svg";
const REACH = 4.7; // world units from the middle to the edge
const SIZE = 400; // of the picture, in its own units
const IDLE = 350; // milliseconds after the last arrow key before a move counts

const make = (name, attributes, parent) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
};

class Plan {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "plan";
    this.svg = make("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group" }, this.root);
    this.state = document.createElement("div");
    this.state.className = "plan-state";
    this.state.setAttribute("aria-live", "polite");
    this.root.append(this.state);
    parent.append(this.root);
    this.svg.onpointerdown = (event) => this.grab(event);
    this.svg.onpointermove = (event) => this.drag(event);
    this.svg.onpointerup = (event) => this.drop(event);
    this.svg.onpointercancel = () => this.cancel();
    this.svg.onkeydown = (event) => this.key(event);
  }

  update(component) {
    this.component = component;
    this.data = component.data;
    if (this.held || this.soon) return; // what is being moved stays until it is told
    this.objects = this.data.objects.map((thing) => ({ ...thing }));
    this.draw();
  }

  // World and picture: right is to the right, behind is up.
  place(x, y) {
    const { right, behind } = this.data, scale = SIZE / (2 * REACH);
    return [SIZE / 2 + scale * (x * right[0] + y * right[1]), SIZE / 2 - scale * (x * behind[0] + y * behind[1])];
  }

  world(event) {
    const box = this.svg.getBoundingClientRect(), scale = (2 * REACH) / SIZE, { right, behind } = this.data;
    const across = ((event.clientX - box.left) / box.width * SIZE - SIZE / 2) * scale;
    const up = (SIZE / 2 - (event.clientY - box.top) / box.height * SIZE) * scale;
    return [across * right[0] + up * behind[0], across * right[1] + up * behind[1]];
  }

  draw() {
    const active = document.activeElement, focused = this.svg.contains(active) ? active.dataset.index : undefined;
    const { bound } = this.data, scale = SIZE / (2 * REACH);
    this.root.classList.toggle("plan-dark", this.data.dark);
    this.svg.setAttribute("aria-label", this.data.label);
    this.svg.replaceChildren();
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => this.place(x * bound, y * bound).join()).join(" ");
    make("polygon", { points: corners, class: "plan-floor" }, this.svg);
    make("text", { x: SIZE / 2, y: 16, class: "plan-side" }, this.svg).textContent = "behind";
    make("text", { x: SIZE / 2, y: SIZE - 8, class: "plan-side" }, this.svg).textContent = "front (camera)";
    this.drawn = this.objects.map((thing, index) => {
      const group = make("g", { tabindex: 0, role: "button", "data-index": index, class: "plan-thing" }, this.svg);
      group.setAttribute("aria-pressed", index === this.data.chosen);
      const r = thing.r * scale;
      if (thing.shape === "cube") {
        const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) => {
          const c = Math.cos(thing.yaw), s = Math.sin(thing.yaw), { right, behind } = this.data;
          const x = c * a - s * b, y = s * a + c * b;
          return [r * (x * right[0] + y * right[1]), -r * (x * behind[0] + y * behind[1])].join();
        });
        make("polygon", { points: corners.join(" "), fill: thing.color, class: "plan-form" }, group);
      } else make("circle", { r, fill: thing.color, class: "plan-form" }, group);
      if (thing.shape === "cylinder") make("circle", { r: r * 0.62, class: "plan-top" }, group);
      if (thing.metal) make("path", { d: `M ${-r * 0.55} ${-r * 0.15} A ${r * 0.6} ${r * 0.6} 0 0 1 ${r * 0.1} ${-r * 0.58}`, class: "plan-glint" }, group);
      make("text", { class: "plan-number", y: 4.5 }, group).textContent = index + 1;
      make("title", {}, group).textContent = thing.name;
      return group;
    });
    this.objects.forEach((_, index) => this.lay(index));
    this.warn();
    // Who chose by keyboard what is to be done about a broken rule goes on at the object: the buttons are gone.
    const asked = this.focus !== undefined && this.focus !== this.data.focus ? this.data.chosen : focused;
    this.focus = this.data.focus;
    if (asked !== undefined) this.drawn[Math.min(asked, this.drawn.length - 1)]?.focus();
    this.root.dataset.drawn = this.data.turn;
  }

  lay(index) {
    const thing = this.objects[index], [u, v] = this.place(thing.x, thing.y);
    this.drawn[index].setAttribute("transform", `translate(${u} ${v})`);
    this.drawn[index].setAttribute("aria-label", `${index + 1}: ${thing.name} at ${thing.x.toFixed(2)}, ${thing.y.toFixed(2)}`);
  }

  // Which objects stand too close, by CLEVR's two rules of distance; Python has the last word.
  clashes(i) {
    const { gap, clear, right, behind, bound } = this.data, a = this.objects[i], found = [];
    if (Math.max(Math.abs(a.x), Math.abs(a.y)) > bound) found.push(i);
    this.objects.forEach((b, j) => {
      const dx = a.x - b.x, dy = a.y - b.y;
      if (j !== i && (Math.hypot(dx, dy) - a.r - b.r < gap || Math.abs(dx * right[0] + dy * right[1]) < clear
        || Math.abs(dx * behind[0] + dy * behind[1]) < clear)) found.push(j);
    });
    return found;
  }

  warn() {
    this.drawn.forEach((group, index) => {
      group.classList.toggle("plan-clash", this.clashes(index).length > 0);
      group.classList.toggle("plan-chosen", index === this.data.chosen);
    });
  }

  say(index) {
    const thing = this.objects[index], close = this.clashes(index).filter((j) => j !== index).map((j) => j + 1);
    this.state.textContent = `${index + 1}: ${thing.name}, x ${thing.x.toFixed(2)}, y ${thing.y.toFixed(2)}`
      + (close.length ? ` · too close to ${close.join(", ")}` : "");
  }

  grab(event) {
    const group = event.target.closest("[data-index]");
    if (!group) return;
    this.tell();
    const index = +group.dataset.index, [x, y] = this.world(event), thing = this.objects[index];
    this.held = { index, dx: thing.x - x, dy: thing.y - y, from: [thing.x, thing.y], moved: false };
    this.svg.setPointerCapture(event.pointerId);
    group.focus();
    event.preventDefault();
  }

  // Somewhat off CLEVR's floor at most, so that nothing is lost from sight.
  put(thing, x, y) {
    thing.x = Math.max(-4, Math.min(4, x));
    thing.y = Math.max(-4, Math.min(4, y));
  }

  drag(event) {
    if (!this.held) return;
    const { index, dx, dy, from } = this.held, [x, y] = this.world(event), thing = this.objects[index];
    this.put(thing, x + dx, y + dy);
    this.held.moved ||= Math.hypot(thing.x - from[0], thing.y - from[1]) > 0.05;
    this.lay(index);
    this.warn();
    this.say(index);
  }

  drop() {
    if (!this.held) return;
    const { index, moved } = this.held;
    this.held = undefined;
    if (moved) this.move(index);
    else if (index !== this.data.chosen) this.component.setTriggerValue("chosen", index);
  }

  cancel() {
    if (!this.held) return;
    [this.objects[this.held.index].x, this.objects[this.held.index].y] = this.held.from;
    this.held = undefined;
    this.draw();
  }

  // Moves by keys are told once they pause, and before another object moves or something else is done.
  tell() {
    if (this.soon) this.move(this.moving);
  }

  placed(index) {
    const { x, y } = this.objects[index];
    return { index, x: +x.toFixed(2), y: +y.toFixed(2) };
  }

  move(index) {
    clearTimeout(this.soon);
    this.soon = undefined;
    this.component.setTriggerValue("moved", this.placed(index));
  }

  key(event) {
    const index = +(event.target.closest("[data-index]")?.dataset.index ?? -1);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const actions = { Delete: "remove", Backspace: "remove", d: "duplicate", "[": "left", "]": "right", s: "size", c: "color", m: "material", f: "shape" };
    if (ways[event.key]) {
      const [across, up] = ways[event.key], step = event.shiftKey ? 0.5 : 0.1, { right, behind } = this.data;
      const thing = this.objects[index];
      if (index !== this.moving) this.tell();
      this.put(
        thing, thing.x + step * (across * right[0] + up * behind[0]), thing.y + step * (across * right[1] + up * behind[1]),
      );
      this.lay(index);
      this.warn();
      this.say(index);
      clearTimeout(this.soon);
      this.moving = index;
      this.soon = setTimeout(() => this.tell(), IDLE);
    } else if (event.key === "Enter" || event.key === " ") this.component.setTriggerValue("chosen", index);
    else if (actions[event.key]) {
      const moved = this.soon && this.placed(this.moving);
      clearTimeout(this.soon);
      this.soon = undefined;
      this.component.setTriggerValue("done", { index, action: actions[event.key], moved });
    } else return;
    event.preventDefault();
  }
}

const plans = new WeakMap();

export default (component) => {
  const { parentElement: root, data } = component;
  if (!data) return;
  if (!plans.has(root)) plans.set(root, new Plan(root));
  plans.get(root).update(component);
};
