// Tells once that all in the window is drawn, or that its own place comes into the window. See __init__.py.

const STILL = 300; // milliseconds after that: who only passes by need not wait for what is below
const LOOK = 100; // milliseconds between two looks
const WAITING = "[class*=st-key-figure-]:not(:has([data-drawn]))";
const idle = globalThis.requestIdleCallback ?? ((then) => setTimeout(then, 50));

const inWindow = (element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};

const isDrawn = () => document.querySelector("#network")
  && document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning"
  && ![...document.querySelectorAll(WAITING)].some(inWindow);

class Below {
  constructor(parent) {
    this.root = document.createElement("p");
    this.root.className = "below";
    this.root.textContent = "The rest of this page follows …";
    parent.append(this.root);
    requestAnimationFrame(() => this.look());
  }

  look() {
    if (!this.root.isConnected) return;
    if (inWindow(this.root)) return this.tell();
    if (isDrawn()) setTimeout(() => idle(() => this.tell()), STILL);
    else setTimeout(() => this.look(), LOOK);
  }

  tell() {
    if (this.told || !this.root.isConnected) return;
    this.told = true;
    this.say("drawn", true);
  }
}

const all = new WeakMap();

export default ({ parentElement: root, setTriggerValue }) => {
  if (!all.has(root)) all.set(root, new Below(root));
  all.get(root).say = setTriggerValue;
};
