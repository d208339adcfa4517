// Sizes, times and names as a person reads them, and elements that hold text and nothing else.

const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

// Characters that would act on the text around them are shown by their code.
const visible = (text) =>
  String(text).replace(unsafe, (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"));

// One decimal below ten and none above, rounded as in units.rs.
const tenths = (value) => {
  const tenth = Math.round(value * 10);
  return tenth < 100 ? (tenth / 10).toFixed(1) : Math.floor((tenth + 5) / 10).toString();
};

const bytes = (count) => {
  for (const [unit, size] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (count >= size) return tenths(count / size) + " " + unit;
  }
  return count + " B";
};

const micros = (count) => {
  if (count < 1e3) return count + " us";
  return count < 1e6 ? tenths(count / 1e3) + " ms" : tenths(count / 1e6) + " s";
};

const count = (number, noun) =>
  number.toLocaleString("en") + " " + noun + (number === 1 ? "" : noun.endsWith("ss") || noun.endsWith("ch") ? "es" : "s");

const general = ["__init__.", "__main__.", "base.", "core.", "index.", "main.", "utils.", "version."];

// What a person calls a file; see `title` in view.rs.
const title = (path) => {
  const parts = path.split("/").filter((part) => part !== "__pycache__");
  let name = parts.pop() || path;
  if (name.endsWith(".pyc")) name = name.split(".")[0] + ".py";
  const folder = parts.pop();
  const perls = name.endsWith(".pm") && /^[A-Z]/.test(folder || "");
  return folder && (perls || general.some((stem) => name.startsWith(stem))) ? folder + "/" + name : name;
};

const place = (frame) => {
  if (!frame) return "";
  if (frame.file !== undefined) {
    return frame.file + (frame.line ? ":" + frame.line : "") + (frame.function ? " in " + frame.function : "");
  }
  const module = (frame.module || "").split("/").pop();
  return frame.symbol ? module + " " + frame.symbol : module + "+0x" + (frame.offset || 0).toString(16);
};

// An element. Text becomes a text node: nothing that a traced program chose is ever read as HTML.
const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  return filled(made, attributes, content);
};

const drawn = (name, attributes, ...content) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  return filled(made, attributes, content);
};

const filled = (made, attributes, content) => {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, visible(value));
  }
  for (const part of content.flat(Infinity)) {
    if (part === undefined || part === null || part === false) continue;
    made.append(part instanceof Node ? part : document.createTextNode(visible(part)));
  }
  return made;
};
