// Tells when all in the window is drawn, or when its own place comes into the window. See __init__.py.

const LOOK = 100; // milliseconds between two looks
const STILL = 300; // milliseconds after all is drawn: who only passes by need not wait for what is below
const AGAIN = 5000; // milliseconds after which it is told again: a connection may have been lost meanwhile
const WAITING = "[class*=st-key-figure-]:not(:has([data-drawn]))";

const inWindow = (element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};

const isStill = () => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning";

const isDrawn = () => document.querySelector("#network")
  && ![...document.querySelectorAll(WAITING)].some(inWindow);

class Below {
  constructor(parent) {
    this.root = document.createElement("p");
    this.root.className = "below";
    this.root.textContent = "The rest of this page follows …";
    parent.append(this.root);
    this.drawn = Infinity; // since when all is
    this.told = -Infinity;
    this.looks = setInterval(() => this.look(), LOOK);
  }

  look() {
    if (!this.root.isConnected) return clearInterval(this.looks);
    const now = performance.now();
    if (!isStill() || !isDrawn()) this.drawn = Infinity;
    else this.drawn = Math.min(this.drawn, now);
    const due = now - this.drawn >= STILL || (isStill() && inWindow(this.root));
    if (!due || now - this.told < AGAIN) return;
    this.told = now;
    this.say("drawn", true);
  }
}

const all = new WeakMap();

export default ({ parentElement: root, setTriggerValue }) => {
  if (!all.has(root)) all.set(root, new Below(root));
  all.get(root).say = setTriggerValue;
};
