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

const sections = [...document.querySelectorAll("section.program")];
const links = [...document.querySelectorAll("header nav a.program")];
const made = new Set();

// The programs that have a section, in its order: see `is_told` in view.rs.
const programs = (report.programs || []).filter(
  (program) => (program.findings || []).length || (program.roles || []).some((role) => role.parent),
);

let at = 0;
const show = () => {
  const wanted = sections.findIndex((section) => "#" + section.id === location.hash);
  // A link to another part of the page leaves the program that is shown.
  at = wanted >= 0 ? wanted : at;
  sections.forEach((section, index) => { section.hidden = index !== at; });
  links.forEach((link, index) => {
    if (index === at) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (sections[at] && !made.has(at)) {
    made.add(at);
    const table = sections[at].querySelector(".findings");
    if (table) findings(programs[at], table);
    icicle(programs[at], sections[at].querySelector(".causes"));
  }
  if (wanted >= 0) window.scrollTo(0, 0);
};
window.addEventListener("hashchange", show);
show();
// When everything stood, in milliseconds since the page was asked for.
document.documentElement.dataset.ready = Math.round(performance.now());
