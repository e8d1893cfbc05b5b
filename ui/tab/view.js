// "Copy link", what a tab keeps of a visit over a reload, and a theme that changes meanwhile. See __init__.py.

const KEPT = "film-lens-visit";
const SHOWN = 6000; // milliseconds that it says what was done

const stored = () => {
  try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; }
};

const store = (value) => {
  try { sessionStorage.setItem(KEPT, JSON.stringify(value)); } catch { /* a browser that keeps nothing */ }
};

// Where a page may not use the clipboard, as over plain HTTP, a selected field still can be copied from.
const copyFrom = (field) => {
  field.focus();
  field.select();
  try { return document.execCommand("copy"); } catch { return false; }
};

// Whether the page is dark: its theme may follow the system's, which changes in the evening, or its own menu.
const page = () => document.querySelector("[data-testid=stApp]");

const isDark = () => {
  const parts = getComputedStyle(page()).backgroundColor.match(/[0-9.]+/g)?.slice(0, 3).map(Number) ?? [255];
  return Math.max(...parts) < 128;
};

// A page's address gains its link when the page has run, which Streamlit makes a step of the history of its
// own. Going to a page is one step: one press of Back leaves it.
const push = history.pushState;

history.pushState = function (state, title, address) {
  const to = new URL(address ?? "", location.href);
  const gains = !location.search && to.search && to.pathname === location.pathname;
  (gains ? history.replaceState : push).call(this, state, title, address);
  here = location.pathname;
};

// What scrolls is a part of the page, which the browser does not put back by itself: where each page was left is
// kept, and taken up where Back or Forward lead to it again. A page may grow for a while, so that place is
// tried until it holds, or its visitor does something.
const MAIN = "[data-testid=stMain]";
const PATIENCE = 15000; // milliseconds that a page has to grow as long as it was
const HOLDS = 500; // milliseconds that a page has stood where it was left
const left = new Map(); // a page's path -> pixels
let here = location.pathname, trying;

const leaveThere = () => { clearInterval(trying); trying = undefined; };

const putBack = (place) => {
  leaveThere();
  const until = performance.now() + PATIENCE;
  let since = Infinity;
  trying = setInterval(() => {
    const main = document.querySelector(MAIN), now = performance.now();
    const there = Math.abs(main.scrollTop - place) <= 1;
    if (!there) main.scrollTop = place;
    since = there ? Math.min(since, now) : Infinity;
    const still = page().dataset.testScriptState === "notRunning";
    if (now > until || (still && now - since > HOLDS)) leaveThere();
  }, 50);
};

// A page that is being left is emptied before its address changes, and then stands at its top: nobody scrolled.
addEventListener("scroll", ({ target }) => {
  const scrolls = target.matches?.(MAIN) && target.scrollHeight > target.clientHeight;
  if (scrolls && !trying) left.set(here, target.scrollTop);
}, { capture: true, passive: true });

for (const own of ["wheel", "touchstart", "pointerdown", "keydown"])
  addEventListener(own, leaveThere, { capture: true, passive: true });

addEventListener("popstate", () => {
  if (location.pathname === here) return; // a step on the same page
  here = location.pathname;
  putBack(left.get(here) ?? 0);
});

class Tab {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "tab";
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.textContent = "Copy link";
    this.button.title = "Copy the link of this page as it is now: all that is chosen on it. Uploads, words not yet "
      + "asked, and what was measured on request are not in it; that is measured anew.";
    this.said = document.createElement("div");
    this.said.className = "tab-said";
    this.said.setAttribute("role", "status");
    this.root.append(this.button, this.said);
    parent.append(this.root);
    this.button.onclick = () => this.copy();
    this.dark = isDark();
    new MutationObserver(() => this.followTheme()).observe(page(), { attributeFilter: ["class", "style"] });
    this.root.onkeydown = (event) => { if (event.key === "Escape") this.say(""); };
  }

  update(component) {
    const { data } = component, kept = stored();
    this.data = data;
    this.component = component;
    const reloaded = kept?.visit && kept.session !== data.session && !data.restored;
    if (!reloaded) store({ visit: data.visit, session: data.session });
    else if (this.asked !== data.session) {
      this.asked = data.session;
      component.setTriggerValue("kept", kept.visit);
    }
  }

  // Figures are drawn for a theme: on a change the app draws them again.
  followTheme() {
    const dark = isDark();
    if (dark !== this.dark) this.component?.setTriggerValue("theme", dark ? "dark" : "light");
    this.dark = dark;
  }

  async copy() {
    const link = location.href;
    let copied = false;
    if (navigator.clipboard) copied = await navigator.clipboard.writeText(link).then(() => true, () => false);
    const leaves = this.data.leaves ? ` It leaves out ${this.data.leaves}.` : "";
    if (copied) return this.say(`Link copied.${leaves}`);
    const field = Object.assign(document.createElement("input"), { readOnly: true, value: link });
    field.setAttribute("aria-label", "Link of this page");
    this.say("", field);
    copied = copyFrom(field);
    if (copied) { this.say(`Link copied.${leaves}`); this.button.focus(); }
    else { this.said.prepend(`Press Ctrl+C to copy it.${leaves}`); clearTimeout(this.soon); field.onblur = () => this.say(""); }
  }

  say(text, ...more) {
    clearTimeout(this.soon);
    this.said.replaceChildren(...(text ? [text] : []), ...more);
    if (text) this.soon = setTimeout(() => this.say(""), SHOWN);
  }
}

const tabs = new WeakMap();

export default (component) => {
  const { parentElement: root, data } = component;
  if (!data) return;
  if (!tabs.has(root)) tabs.set(root, new Tab(root));
  tabs.get(root).update(component);
};
