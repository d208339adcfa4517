// The page of a collector keeps itself up to date. It asks again and again, while somebody can see it, and puts what is
// new in the place of what was there. What its reader chose, unfolded, focused and looked at stays.

const PAUSE = 2000;
const PATIENCE = 15000;

const status = document.getElementById("live");
let tag = null;
let since = null;
let asking = false;
let waiting = 0;

// Parts that are taken whole.
const PLAIN = ["header nav", "footer"];

// What the server wrote of a part, before anything was unfolded in it.
const written = new WeakMap();
const note = (part) => { written.set(part, part.outerHTML); return part; };

// A part is known by its name, else by what it is.
const nameOf = (part) => (part.dataset.program ? "program " + part.dataset.program : part.id || part.tagName + "." + part.className);

// Parts that scripts fill; the server writes nothing new into them.
const isRoom = (part) => ROOMS.some(([selector]) => part.matches(selector));

// Parts whose own parts are looked at one by one.
const isWhole = (part) => part.matches("main, section.program, .pair");

const remember = (whole) => {
  for (const part of whole.children) {
    if (isWhole(part)) remember(part);
    else if (!isRoom(part)) note(part);
  }
};

// Gives a whole the parts of a fresh one. Parts that say the same are left alone.
const renew = (whole, fresh) => {
  const old = new Map([...whole.children].map((part) => [nameOf(part), part]));
  let refocus = () => {};
  const parts = [...fresh.children].map((part) => {
    const there = old.get(nameOf(part));
    old.delete(nameOf(part));
    if (there && isRoom(part)) return there;
    if (there && isWhole(part)) {
      for (const { name, value } of part.attributes) there.setAttribute(name, value);
      renew(there, part);
      return there;
    }
    if (there && written.get(there) === part.outerHTML) return there;
    if (isWhole(part)) remember(part);
    else note(part);
    if (there) unfold(there, part);
    if (there && there.contains(document.activeElement)) {
      const number = reachable(there).indexOf(document.activeElement);
      refocus = () => reachable(part)[number]?.focus({ preventScroll: true });
    }
    return document.adoptNode(part);
  });
  arrange(whole, parts);
  refocus();
};

// Something near the top of the window, and how to find it again when another node has taken its place.
const landmark = () => {
  const marks = document.querySelectorAll("section.program:not([hidden]) :is(h1, h2, .card, tr[data-key])");
  const mark = [...marks].find((mark) => mark.getBoundingClientRect().bottom > 0);
  if (!mark || window.scrollY === 0) return () => 0;
  const top = mark.getBoundingClientRect().top;
  const { key } = mark.dataset;
  return () => {
    const rows = mark.isConnected || !key ? [mark] : [...document.querySelectorAll("tr[data-key]")];
    const again = rows.find((row) => row === mark || row.dataset.key === key);
    return again && again.isConnected ? again.getBoundingClientRect().top - top : 0;
  };
};

const put = (fresh) => {
  const own = (page) => [...page.querySelectorAll("style, script:not([type])")].map((part) => part.textContent).join("");
  // Another version of the collector writes other pages.
  if (own(fresh) !== own(document)) return location.reload();
  const chosen = sections[at];
  const isNamed = named() >= 0;
  const moved = landmark();
  document.title = fresh.title;
  document.getElementById("report").textContent = fresh.getElementById("report").textContent;
  read();
  renew(document.querySelector("main"), fresh.querySelector("main"));
  for (const selector of PLAIN) {
    const whole = document.querySelector(selector);
    const next = fresh.querySelector(selector);
    if (written.get(whole) === next.innerHTML) continue;
    written.set(whole, next.innerHTML);
    holding(whole, () => whole.replaceChildren(...next.childNodes));
  }
  survey();
  // Programs change places; the one that is looked at stays.
  const program = chosen && chosen.dataset.program;
  at = Math.max(0, sections.findIndex((section) => section.dataset.program === program));
  if (isNamed && sections[at]) history.replaceState(null, "", "#" + sections[at].id);
  sections.forEach((section, index) => { if (isFurnished(section)) furnish(section, programs[index]); });
  show();
  window.scrollBy(0, moved());
  document.documentElement.dataset.renewed = Number(document.documentElement.dataset.renewed || 0) + 1;
};

const say = (words, isWell) => {
  if (status.textContent !== words) status.textContent = words;
  status.classList.toggle("lost", !isWell);
};

const lost = (why) => {
  since = since || new Date().toTimeString().slice(0, 5);
  say(why + " since " + since + "; trying again", false);
};

// Nothing is moved under a hand: not while text is marked or being composed.
const isBusy = () => !document.getSelection().isCollapsed || composing;
let composing = false;
document.addEventListener("compositionstart", () => { composing = true; });
document.addEventListener("compositionend", () => { composing = false; });

const ask = async () => {
  let answer, text;
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    answer = await fetch(location.pathname, { headers, cache: tag ? "no-store" : "no-cache", signal: AbortSignal.timeout(PATIENCE) });
    text = await answer.text();
  } catch {
    return lost("the collector is not answering");
  }
  if (answer.status !== 304) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const reason = fresh.getElementById("reason");
    if (!answer.ok || !fresh.getElementById("report")) {
      return lost("the collector has no report" + (reason ? " (" + reason.textContent + ")" : ""));
    }
    if (!isBusy()) {
      put(fresh);
      tag = answer.headers.get("ETag");
    }
  }
  since = null;
  say("live", true);
};

const turn = async () => {
  clearTimeout(waiting);
  if (asking || document.hidden) return;
  asking = true;
  try { await ask(); } finally {
    asking = false;
    waiting = setTimeout(turn, PAUSE);
  }
};

remember(document.querySelector("main"));
for (const selector of PLAIN) {
  const copy = document.querySelector(selector).cloneNode(true);
  for (const link of copy.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  written.set(document.querySelector(selector), copy.innerHTML);
}
document.addEventListener("visibilitychange", turn);
turn();
