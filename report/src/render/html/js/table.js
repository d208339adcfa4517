// The findings: sorted by any column, filtered by words, verdict and role, each row unfolding. What the reader chose
// outlives a renewal: it is kept by what it is about, not by where that stood.

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

// Makes the table of a room; returns what renews it.
const findings = (program, room) => {
  let all, keys, texts, columns, roles, loads;
  const open = new Set();
  const state = { column: null, up: false, words: [], verdicts: new Set(), role: "", shown: ROWS };
  // Rows that are drawn, each with what it was drawn from.
  let rows = new Map();

  const take = (program) => {
    all = program.findings || [];
    columns = COLUMNS.filter((column) => !column.optional || all.some((finding) => column.of(finding) > 0));
    roles = [...new Set(all.map((finding) => finding.role))];
    loads = byPlace(program);
    texts = all.map((finding) => (finding.what + " " + place(finding.caller)).toLowerCase());
    const seen = new Map();
    keys = all.map((finding) => {
      const key = finding.role + "\0" + finding.what;
      seen.set(key, (seen.get(key) || 0) + 1);
      return seen.get(key) > 1 ? key + "\0" + seen.get(key) : key;
    });
    // What is gone can be chosen no more.
    if (!roles.includes(state.role)) state.role = "";
    if (!columns.includes(state.column)) state.column = null;
    for (const verdict of state.verdicts) if (!all.some((finding) => finding.verdict === verdict)) state.verdicts.delete(verdict);
  };

  const head = room.querySelector("thead tr");
  const body = room.querySelector("tbody");
  const controls = room.querySelector(".controls");
  const said = element("p", { class: "rest", "aria-live": "polite" });
  const more = element("button", { type: "button", class: "next", click: () => { state.shown += 1000; draw(); } }, "Show more");
  const old = room.querySelector("p.rest");
  if (old) old.remove();
  room.append(element("p", { class: "rest" }, said, " ", more));

  const search = element("input", { type: "search", placeholder: "Filter by file or caller", "aria-label": "Filter by file or caller",
    input: () => { state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean); again(); } });
  const chips = new Map(VERDICTS.map((verdict) => [verdict, element("button", { type: "button", class: "verdict " + verdict, click: () => {
    if (!state.verdicts.delete(verdict)) state.verdicts.add(verdict);
    again();
  } })]));
  const group = element("span", { class: "group", role: "group", "aria-label": "Verdicts" });
  const choice = element("select", { "aria-label": "Role", change: () => { state.role = choice.value; again(); } });
  const fold = element("button", { type: "button", click: () => { open.clear(); draw(); } }, "Fold all");
  const heads = new Map(COLUMNS.map((column) => {
    const button = element("button", { type: "button", click: () => {
      state.up = state.column === column ? !state.up : Boolean(column.up);
      state.column = column;
      again();
    } }, column.name);
    return [column, element("th", { scope: "col", class: column.shown ? "n" : "" }, button)];
  }));

  const furnish = () => {
    const number = (verdict) => all.filter((finding) => finding.verdict === verdict).length;
    const there = VERDICTS.filter((verdict) => number(verdict) > 0);
    for (const verdict of there) chips.get(verdict).textContent = verdict + " " + number(verdict).toLocaleString("en");
    arrange(group, there.map((verdict) => chips.get(verdict)));
    const options = [element("option", { value: "" }, "all roles"), ...roles.map((role) => element("option", { value: role }, role))];
    if (options.map((option) => option.value).join("\0") !== [...choice.options].map((option) => option.value).join("\0")) choice.replaceChildren(...options);
    choice.value = state.role;
    arrange(controls, [search, group, ...(roles.length > 1 ? [choice] : []), fold]);
    arrange(head, columns.map((column) => heads.get(column)));
  };

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

  const row = (finding, key, load) => {
    const cells = columns.map((column) => {
      if (column.shown) {
        const shown = column.shown(finding);
        return element("td", { class: shown === "–" ? "n none" : "n", "data-name": column.name }, shown);
      }
      if (column.name === "Verdict") return element("td", {}, element("span", { class: "verdict " + finding.verdict }, finding.verdict));
      const asked = finding.caller ? element("small", {}, "asked by " + place(finding.caller)) : "";
      const button = element("button", { type: "button", class: "fold", "aria-expanded": open.has(key) ? "true" : "false", click: () => {
        if (!open.delete(key)) open.add(key);
        draw();
        rows.get(key).nodes[0].querySelector("button").focus({ preventScroll: true });
      } }, element("code", {}, finding.what));
      return element("td", { class: "what" }, button, roles.length > 1 ? element("small", { class: "in" }, finding.role) : "", asked);
    });
    const line = element("tr", { "data-what": finding.what, "data-key": key }, cells);
    if (!open.has(key)) return [line];
    return [line, element("tr", { class: "detail", "data-key": key + "\0detail" }, element("td", { colspan: columns.length }, detail(finding, load)))];
  };

  // The row of a finding: the one that is there, unless it would say something else.
  const kept = (index) => {
    const finding = all[index];
    const key = keys[index];
    const load = loads.get(finding.role + "\0" + finding.what);
    const stacks = open.has(key) && load && (load.stacks || []).map((stack) => stack.map((numbers) => numbers.map((number) => frames[number])));
    const from = JSON.stringify([finding, stacks, load && [load.first_seen, load.last_seen], columns.length, roles.length > 1]);
    const there = rows.get(key);
    if (there && there.from === from) return [key, there];
    const nodes = row(finding, key, load);
    if (there && there.nodes[1] && nodes[1]) unfold(there.nodes[1], nodes[1]);
    return [key, { from, nodes }];
  };

  const draw = () => {
    const wanted = selected();
    const shown = Math.min(state.shown, wanted.length);
    holding(room, () => {
      rows = new Map(wanted.slice(0, shown).map(kept));
      arrange(body, [...rows.values()].flatMap(({ nodes }) => nodes));
    });
    const words = shown === all.length ? "" : shown.toLocaleString("en") + " of " + count(all.length, "finding") + " shown.";
    if (said.textContent !== words) said.textContent = words;
    more.hidden = shown >= wanted.length;
    for (const [verdict, chip] of chips) chip.setAttribute("aria-pressed", state.verdicts.has(verdict));
    for (const [column, head] of heads) {
      if (column === state.column) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
  };
  const again = () => { state.shown = ROWS; draw(); };
  const renew = (program) => { take(program); holding(room, furnish); draw(); };
  renew(program);
  return renew;
};
