// What a finding's row unfolds to: what it costs, who asked with the stacks, what it brought.

const MOST_BROUGHT = 200;

const facts = (finding, load) => {
  const list = [];
  const fact = (name, value) => { if (value) list.push(element("dt", {}, name), element("dd", {}, value)); };
  fact("Path", finding.what);
  fact("Role", finding.role);
  fact("Load it in", finding.load_in && finding.load_in + (finding.load_before ? ", before it forks " + finding.load_before : ""));
  fact("Alone", finding.own && finding.own.bytes ? bytes(finding.own.bytes) : "");
  fact("CPU time", total(finding, "cpu_micros") ? micros(total(finding, "cpu_micros")) : "");
  fact("Page faults", total(finding, "faults") ? total(finding, "faults").toLocaleString("en") : "");
  const kib = total(finding, "private_kib");
  fact("Private memory", kib ? bytes(kib * 1024) + " in each process" + (finding.total && finding.total.estimated ? ", estimated" : "") : "");
  fact("Searches", finding.searches ? count(finding.searches, "search") + ", " + count(finding.probes || 0, "probe") : "");
  fact("Loaded again", finding.respawned ? "by " + count(finding.respawned, "process") + " forked after a sibling had it" : "");
  fact("Shared by", finding.shared_by ? count(finding.shared_by, "process") : "");
  for (const note of finding.notes || []) fact("Note", typeof note === "string" ? note : note.text || note.note);
  if (load && load.first_seen) fact("Seen", load.first_seen.slice(0, 19) + "Z to " + load.last_seen.slice(0, 19) + "Z");
  return element("dl", { class: "facts" }, list);
};

const stack = ([language, native], index) => {
  const lines = (numbers) => element("ol", {}, numbers.map((number) => element("li", {}, element("code", {}, place(frames[number])))));
  const parts = [];
  if (language.length) parts.push(lines(language));
  if (native.length) {
    const words = count(native.length, "frame") + " of machine code";
    parts.push(element("details", { open: !language.length && index === 0 }, element("summary", {}, words), lines(native)));
  }
  return element("div", { class: "stack" }, parts);
};

const brought = (nodes) => {
  let left = MOST_BROUGHT;
  const list = (nodes) => {
    const items = [];
    for (const node of nodes) {
      if (left-- <= 0) break;
      const line = [element("code", { title: node.path }, title(node.path)), " ", element("span", {}, bytes(node.bytes || 0))];
      const children = node.tree || [];
      items.push(
        element("li", {}, children.length
          ? element("details", { open: true }, element("summary", {}, line), list(children))
          : line),
      );
    }
    return element("ul", { class: "brought" }, items);
  };
  const made = list(nodes);
  if (left < 0) made.append(element("li", {}, "and more"));
  return made;
};

const detail = (finding, load) => {
  const parts = [facts(finding, load)];
  if (load && load.stacks && load.stacks.length) {
    parts.push(element("h3", {}, "Who asked"), load.stacks.map(stack));
  }
  if (finding.tree && finding.tree.length) {
    parts.push(element("h3", {}, "What it brought"), brought(finding.tree));
  }
  return parts;
};
