// The findings: sorted by any column, filtered by words, verdict and role, each row unfolding.

const ROWS = 200;
const VERDICTS = ["preload", "leave-lazy", "optional", "already-shared"];

// A part of the figure is estimated.
const about = (finding) => (finding.total && finding.total.estimated ? "~" : "");

const COLUMNS = [
  { name: "Verdict", of: (finding) => VERDICTS.indexOf(finding.verdict), up: true },
  { name: "What", of: (finding) => finding.what, up: true },
  { name: "Workers", of: (finding) => finding.workers || 0, shown: (finding) => finding.workers + " of " + finding.of },
  { name: "Files", of: (finding) => total(finding, "files"), shown: (finding) => total(finding, "files") || "–" },
  { name: "Size", of: (finding) => total(finding, "bytes"), shown: (finding) => (total(finding, "bytes") ? bytes(total(finding, "bytes")) : "–") },
  { name: "Time", of: (finding) => total(finding, "micros"), shown: (finding) => (total(finding, "micros") ? about(finding) + micros(total(finding, "micros")) : "–") },
  { name: "Memory", of: (finding) => total(finding, "private_kib"), shown: (finding) => (total(finding, "private_kib") ? about(finding) + bytes(total(finding, "private_kib") * 1024) : "–"), optional: true },
  { name: "Searches", of: (finding) => finding.searches || 0, shown: (finding) => finding.searches || "–", optional: true },
];

const findings = (program, room) => {
  const all = program.findings || [];
  const columns = COLUMNS.filter((column) => !column.optional || all.some((finding) => column.of(finding) > 0));
  const roles = [...new Set(all.map((finding) => finding.role))];
  const several = roles.length > 1;
  const loads = byPlace(program);
  const texts = all.map((finding) => (finding.what + " " + place(finding.caller)).toLowerCase());
  const open = new Set();
  const state = { column: null, up: false, words: [], verdicts: new Set(), role: "", shown: ROWS };

  const body = room.querySelector("tbody");
  const said = element("p", { class: "rest", "aria-live": "polite" });
  const more = element("button", { type: "button", class: "next", click: () => { state.shown += 1000; draw(); } }, "Show more");
  const old = room.querySelector("p.rest");
  if (old) old.remove();
  room.append(element("p", { class: "rest" }, said, " ", more));

  const search = element("input", { type: "search", placeholder: "Filter by file or caller", "aria-label": "Filter by file or caller",
    input: () => { state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean); again(); } });
  const chips = VERDICTS.filter((verdict) => all.some((finding) => finding.verdict === verdict)).map((verdict) => {
    const chip = element("button", { type: "button", class: "verdict " + verdict, "aria-pressed": "false", click: () => {
      if (!state.verdicts.delete(verdict)) state.verdicts.add(verdict);
      chip.setAttribute("aria-pressed", state.verdicts.has(verdict));
      again();
    } }, verdict + " " + all.filter((finding) => finding.verdict === verdict).length.toLocaleString("en"));
    return chip;
  });
  const choice = element("select", { "aria-label": "Role", change: () => { state.role = choice.value; again(); } },
    element("option", { value: "" }, "all roles"), roles.map((role) => element("option", { value: role }, role)));
  const fold = element("button", { type: "button", click: () => { open.clear(); draw(); } }, "Fold all");
  room.querySelector(".controls").append(search, element("span", { class: "group", role: "group", "aria-label": "Verdicts" }, chips), several ? choice : "", fold);

  const heads = columns.map((column) => {
    const button = element("button", { type: "button", click: () => {
      state.up = state.column === column ? !state.up : Boolean(column.up);
      state.column = column;
      again();
    } }, column.name);
    return element("th", { scope: "col", class: column.shown ? "n" : "" }, button);
  });
  room.querySelector("thead tr").replaceChildren(...heads);

  const selected = () => {
    const kept = [];
    for (let index = 0; index < all.length; index++) {
      const finding = all[index];
      if (state.verdicts.size && !state.verdicts.has(finding.verdict)) continue;
      if (state.role && finding.role !== state.role) continue;
      if (state.words.every((word) => texts[index].includes(word))) kept.push(index);
    }
    if (state.column) {
      const sign = state.up ? 1 : -1;
      const values = all.map(state.column.of);
      kept.sort((a, b) => sign * (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0) || a - b);
    }
    return kept;
  };

  const row = (index) => {
    const finding = all[index];
    const load = loads.get(finding.role + "\0" + finding.what);
    const isOpen = open.has(index);
    const cells = columns.map((column) => {
      if (column.shown) {
        const shown = column.shown(finding);
        return element("td", { class: shown === "–" ? "n none" : "n", "data-name": column.name }, shown);
      }
      if (column.name === "Verdict") return element("td", {}, element("span", { class: "verdict " + finding.verdict }, finding.verdict));
      const asked = finding.caller ? element("small", {}, "asked by " + place(finding.caller)) : "";
      const button = element("button", { type: "button", class: "fold", "aria-expanded": isOpen ? "true" : "false", click: () => {
        if (!open.delete(index)) open.add(index);
        const [fresh, unfolded] = row(index);
        if (line.nextSibling && line.nextSibling.className === "detail") line.nextSibling.remove();
        line.replaceWith(fresh);
        if (unfolded) fresh.after(unfolded);
        fresh.querySelector("button").focus();
      } }, element("code", {}, finding.what));
      return element("td", { class: "what" }, button, several ? element("small", { class: "in" }, finding.role) : "", asked);
    });
    const line = element("tr", { "data-what": finding.what }, cells);
    const unfolded = isOpen && element("tr", { class: "detail" }, element("td", { colspan: columns.length }, detail(finding, load)));
    return [line, unfolded];
  };

  const draw = () => {
    const kept = selected();
    const rows = kept.slice(0, state.shown).flatMap(row).filter(Boolean);
    body.replaceChildren(...rows);
    const shown = Math.min(state.shown, kept.length);
    said.textContent = shown === all.length ? "" : shown.toLocaleString("en") + " of " + count(all.length, "finding") + " shown.";
    more.hidden = shown >= kept.length;
    heads.forEach((head, at) => {
      if (columns[at] === state.column) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };
  const again = () => { state.shown = ROWS; draw(); };
  draw();
};
