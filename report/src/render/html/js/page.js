// What stands around it: light and dark, one program at a time, and the pictures made when they are seen.

const theme = document.getElementById("theme");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
const label = () => {
  theme.textContent = isDark() ? "Light" : "Dark";
  theme.setAttribute("aria-label", "Change to a " + theme.textContent.toLowerCase() + " page");
};
theme.hidden = false;
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  label();
});
dark.addEventListener("change", label);
label();

// What scripts make in a section, by the room where they do, in this order. Each takes the program and the room, and
// returns what renews it.
const ROOMS = [[".findings", findings], [".causes", icicle]];

let sections, links, programs;
const survey = () => {
  sections = [...document.querySelectorAll("section.program")];
  links = [...document.querySelectorAll("header nav a.program")];
  // The programs that have a section, in its order: see `is_told` in view.rs.
  programs = (report.programs || []).filter(
    (program) => (program.findings || []).length || (program.roles || []).some((role) => role.parent),
  );
};

// What was made, by its room.
const made = new WeakMap();

// Makes what a section has room for, and renews what was made before.
const furnish = (section, program) => {
  for (const [selector, make] of ROOMS) {
    const room = section.querySelector(selector);
    if (!room) continue;
    if (made.has(room)) made.get(room)(program);
    else made.set(room, make(program, room));
  }
};
const isFurnished = (section) => ROOMS.some(([selector]) => made.has(section.querySelector(selector)));

const named = () => sections.findIndex((section) => "#" + section.id === location.hash);

let at = 0;
const show = () => {
  const wanted = named();
  // A link to another part of the page leaves the program that is shown.
  if (wanted >= 0) at = wanted;
  sections.forEach((section, index) => { section.hidden = index !== at; });
  links.forEach((link, index) => {
    if (index === at) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (sections[at] && !isFurnished(sections[at])) furnish(sections[at], programs[at]);
  return wanted;
};
window.addEventListener("hashchange", () => { if (show() >= 0) window.scrollTo(0, 0); });
survey();
if (show() >= 0) window.scrollTo(0, 0);
// When everything stood, in milliseconds since the page was asked for.
document.documentElement.dataset.ready = Math.round(performance.now());
