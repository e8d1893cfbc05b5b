// All maps of a block as buttons that arrow keys walk between. See __init__.py.

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const make = (name, className, parent) => {
  const made = document.createElement(name);
  made.className = className;
  parent?.append(made);
  return made;
};

class MapWall {
  constructor(parent) {
    this.root = make("div", "map-wall", parent);
    const bar = make("div", "map-wall-bar", this.root);
    [this.low, this.bar, this.high] = ["span", "i", "span"].map((name) => make(name, "", bar));
    this.told = make("div", "map-wall-told", this.root);
    this.told.setAttribute("aria-live", "polite");
    this.cells = make("div", "map-wall-cells", this.root);
    this.cells.setAttribute("role", "group");
    this.cells.onclick = (event) => this.choose(event.target.closest("button"));
    this.cells.onkeydown = (event) => this.key(event);
    this.cells.addEventListener("focusin", (event) => this.say(event.target.closest("button")));
    this.cells.onpointerover = (event) => this.point(event.target.closest("button"));
    this.cells.onpointerleave = () => this.rest();
  }

  update(component) {
    const before = this.data;
    this.component = component;
    this.data = component.data;
    const { palette, scale, label, dark, chosen } = this.data;
    this.root.classList.toggle("map-wall-dark", dark);
    this.cells.setAttribute("aria-label", label);
    this.low.textContent = `−${scale}`;
    this.high.textContent = `+${scale}`;
    const colors = bytes(palette), stops = [];
    for (let at = 0; at < colors.length; at += 3 * 21) stops.push(`rgb(${colors.subarray(at, at + 3).join()})`);
    stops.push(`rgb(${colors.subarray(-3).join()})`);
    this.bar.style.background = `linear-gradient(90deg, ${stops.join()})`;
    const same = before && ["values", "palette"].every((name) => before[name] === this.data[name])
      && JSON.stringify(before.cells) === JSON.stringify(this.data.cells);
    if (!same) this.draw(colors);
    for (const cell of this.cells.children) cell.setAttribute("aria-pressed", +cell.dataset.number === chosen);
    this.stop(this.cells.contains(document.activeElement) ? document.activeElement : this.framed());
    this.rest();
  }

  framed() {
    return this.cells.querySelector("[aria-pressed=true]") ?? this.cells.firstElementChild;
  }

  draw(colors) {
    const held = this.cells.contains(document.activeElement) ? document.activeElement.dataset.number : undefined;
    const values = bytes(this.data.values), [rows, columns] = this.data.shape, size = rows * columns;
    this.cells.replaceChildren();
    this.data.cells.forEach(({ number, label, told }, place) => {
      const cell = make("button", "map-wall-cell", this.cells);
      Object.assign(cell, { type: "button", tabIndex: -1, title: told });
      cell.dataset.number = number;
      cell.setAttribute("aria-label", told);
      const canvas = make("canvas", "", cell), pixels = new ImageData(columns, rows);
      Object.assign(canvas, { width: columns, height: rows });
      for (let at = 0; at < size; at++) {
        const step = 3 * values[place * size + at];
        pixels.data.set([colors[step], colors[step + 1], colors[step + 2], 255], 4 * at);
      }
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      make("span", "map-wall-number", cell).textContent = number;
      if (label) make("span", "", cell).textContent = label;
      if (held !== undefined && +held === number) cell.focus();
    });
  }

  // One of them is reached by Tab; arrow keys reach the others.
  stop(cell) {
    for (const other of this.cells.children) other.tabIndex = other === cell ? 0 : -1;
  }

  say(cell) {
    if (cell) this.told.textContent = cell.title;
  }

  // The pointer does not talk over the keyboard.
  point(cell) {
    if (!this.cells.querySelector(":focus-visible")) this.say(cell);
  }

  rest() {
    this.say(this.cells.contains(document.activeElement) ? document.activeElement : this.framed());
  }

  choose(cell) {
    if (cell && +cell.dataset.number !== this.data.chosen) this.component.setTriggerValue("chosen", +cell.dataset.number);
  }

  key(event) {
    const cells = [...this.cells.children], at = cells.indexOf(event.target.closest("button"));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const across = cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length, last = cells.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - across, ArrowDown: at + across, Home: 0, End: last }[event.key];
    if (to === undefined) return; // Enter and the space bar click
    event.preventDefault();
    const cell = cells[to];
    if (!cell) return;
    this.stop(cell);
    cell.focus();
  }
}

const walls = new WeakMap();

export default (component) => {
  const { parentElement: root, data } = component;
  if (!data) return;
  if (!walls.has(root)) walls.set(root, new MapWall(root));
  walls.get(root).update(component);
};
