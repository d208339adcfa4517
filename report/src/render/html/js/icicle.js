// The picture of causes: a role above what it loads, a load above what it brought. Width is the measure.

const ROW = 24;
const LETTER = 6.7;
const THINNEST = 1.5;
const MEASURES = [["bytes", "Size"], ["micros", "Time"], ["private_kib", "Memory"], ["workers", "Processes"]];

// Draws the picture of a room; returns what renews it.
const icicle = (program, room) => {
  let root, measures, zoomed, chosen;
  let key;
  let zoomedDepth = 0;
  const amount = (value) => (key === "bytes" ? bytes(value) : key === "private_kib" ? bytes(value * 1024) : key === "micros" ? micros(value) : count(value, "load"));

  // A node by the names above it, and the node that names lead to, or the deepest on their way. The program's own name
  // is none of them: it is above the roles only where there are several.
  const isTop = (node) => node.plain && !node.parent && node.children.some((child) => child.plain);
  const names = (node) => (node ? [...names(node.parent), ...(isTop(node) ? [] : [node.path])] : []);
  const find = ([...names]) => {
    let node = root;
    if (!isTop(root) && names.shift() !== root.path) return root;
    for (const name of names) {
      const next = node.children.find((child) => child.path === name);
      if (!next) break;
      node = next;
    }
    return node;
  };

  const picture = drawn("svg", { class: "icicle", role: "img", tabindex: "0", keydown: (event) => steer(event) });
  const trail = element("nav", { class: "trail", "aria-label": "Zoom" });
  const told = element("p", { class: "told", "aria-live": "polite" });
  const buttons = MEASURES.map(([name, words]) =>
    element("button", { type: "button", "data-measure": name, click: () => { key = name; draw(); } }, words),
  );
  const widths = element("span", { class: "group", role: "group", "aria-label": "Width" });
  const hint = element("p", { class: "hint" }, "Click to zoom in. With the keyboard: arrows, Enter, Escape.");
  room.append(element("div", { class: "controls" }, widths, trail), picture, told, hint);

  const share = (node) => (root.value ? Math.round((node.value / root.value) * 1000) / 10 : 0);
  const tell = (node) => {
    const workers = node.workers ? ", loaded by " + count(node.workers, "process") : "";
    const words = visible(node.path + ": " + amount(node.value) + " (" + share(node) + " %)" + workers);
    if (told.textContent !== words) told.textContent = words;
  };

  const box = (node, x, depth, width, above) => {
    if (width < THINNEST) return null;
    const letters = Math.floor((width - 10) / LETTER);
    const name = node.plain ? node.path : title(node.path);
    const label = visible(letters < 3 ? "" : name.length <= letters ? name : name.slice(0, letters - 1) + "…");
    const kind = above ? "above" : node.plain ? "plain" : node.verdict;
    return drawn(
      "g",
      {
        class: kind + (node === chosen ? " chosen" : ""),
        click: () => { zoom(node); picture.focus({ preventScroll: true }); },
        mouseenter: () => tell(node),
      },
      drawn("rect", { x: x.toFixed(1), y: depth * ROW, width: Math.max(0.5, width - 1).toFixed(1), height: ROW - 1, rx: 2, "fill-opacity": node.plain || above ? 1 : Math.max(0.16, 0.42 - (depth - zoomedDepth) * 0.06).toFixed(2) }),
      label && drawn("text", { x: (x + 5).toFixed(1), y: depth * ROW + 16 }, label),
      drawn("title", {}, node.path + "\n" + amount(node.value) + ", " + share(node) + " %"),
    );
  };

  const draw = () => {
    measure(root, key);
    const width = Math.max(280, picture.parentNode.clientWidth - 2);
    const lineage = [];
    for (let at = zoomed.parent; at; at = at.parent) lineage.unshift(at);
    zoomedDepth = lineage.length;
    const boxes = lineage.map((node, depth) => box(node, 0, depth, width, true));
    let deepest = lineage.length;
    const lay = (node, x, depth, width) => {
      const made = box(node, x, depth, width, false);
      if (!made) return;
      boxes.push(made);
      deepest = Math.max(deepest, depth);
      let left = x;
      for (const child of node.children) {
        const part = node.value ? (width * child.value) / node.value : 0;
        lay(child, left, depth + 1, part);
        left += part;
      }
    };
    lay(zoomed, 0, lineage.length, width);
    const height = (deepest + 1) * ROW;
    picture.setAttribute("viewBox", "0 0 " + width + " " + height);
    picture.setAttribute("height", height);
    picture.setAttribute("aria-label", visible("What brings what, by " + key + ", below " + zoomed.path));
    picture.replaceChildren(...boxes);
    for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.measure === key);
    holding(trail, () => trail.replaceChildren(
      ...lineage.map((node) => element("button", { type: "button", click: () => zoom(node) }, node.plain ? node.path : title(node.path))),
    ));
    tell(chosen);
  };

  const zoom = (node) => { zoomed = node; chosen = node; draw(); };

  const steer = (event) => {
    const siblings = chosen.parent && chosen !== zoomed ? chosen.parent.children : [chosen];
    const at = siblings.indexOf(chosen);
    const next = {
      ArrowLeft: () => siblings[at - 1],
      ArrowRight: () => siblings[at + 1],
      ArrowDown: () => chosen.children[0],
      ArrowUp: () => (chosen === zoomed ? undefined : chosen.parent),
    }[event.key];
    if (next) { chosen = next() || chosen; draw(); }
    else if (event.key === "Enter") zoom(chosen);
    else if (event.key === "Escape" || event.key === "Backspace") zoom(zoomed.parent || root);
    else return;
    event.preventDefault();
  };

  const renew = (program) => {
    const before = root && [zoomed, chosen].map((node) => (node === root ? [] : names(node)));
    root = forest(program);
    [zoomed, chosen] = before ? before.map(find) : [root, root];
    for (let node = chosen; node !== zoomed; node = node.parent) {
      if (!node) { chosen = zoomed; break; }
    }
    measures = MEASURES.map(([name]) => name).filter((name) => measure(root, name) > 0);
    room.hidden = !root.children.length || !measures.length;
    if (room.hidden) return;
    if (!measures.includes(key)) [key] = measures;
    holding(widths, () => arrange(widths, buttons.filter((button) => measures.includes(button.dataset.measure))));
    draw();
  };
  renew(program);
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { if (!room.hidden) draw(); });
  });
  return renew;
};
