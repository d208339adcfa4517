// The report's document, read. A key that is not there counts for nothing.

let report = {};
let frames = [];
const read = () => {
  report = JSON.parse(document.getElementById("report").textContent);
  frames = report.frames || [];
};
read();

const total = (finding, key) => (finding.total || finding)[key] || 0;

// A program's loads by role and path, so that a finding finds its stacks.
const byPlace = (program) => {
  const loads = new Map();
  for (const load of program.loads || []) loads.set(load.role + "\0" + load.path, load);
  for (const search of program.missing || []) loads.set(search.role + "\0" + search.name, search);
  return loads;
};

// What a node brings by itself, without what is below it.
const own = (node, key) => (node.own || node)[key] || 0;
const below = (node, key) => (node.tree || []).reduce((sum, child) => sum + own(child, key) + below(child, key), 0);

// The forest of causes for the picture: roles, findings, what they brought.
const forest = (program) => {
  const node = (item) => ({
    path: item.path,
    bytes: own(item, "bytes"),
    micros: own(item, "micros"),
    private_kib: own(item, "private_kib"),
    workers: item.workers || 0,
    children: (item.tree || []).map(node),
  });
  const roles = new Map();
  for (const finding of program.findings || []) {
    if (finding.verdict !== "preload" && finding.verdict !== "leave-lazy") continue;
    const brought = { tree: finding.tree || [] };
    const alone = (key) => (finding.own ? own(finding, key) : Math.max(0, total(finding, key) - below(brought, key)));
    const cause = {
      path: finding.what,
      verdict: finding.verdict,
      finding,
      bytes: alone("bytes"),
      micros: alone("micros"),
      private_kib: alone("private_kib"),
      workers: finding.workers || 0,
      children: brought.tree.map(node),
    };
    if (!roles.has(finding.role)) roles.set(finding.role, []);
    roles.get(finding.role).push(cause);
  }
  const group = (path, children) => ({ path, plain: true, bytes: 0, micros: 0, private_kib: 0, workers: 0, children });
  const groups = [...roles].map(([role, causes]) => group(role || "?", causes));
  const root = groups.length === 1 ? groups[0] : group(program.program, groups);
  const hang = (parent) => {
    for (const child of parent.children) {
      child.parent = parent;
      child.verdict = child.verdict || parent.verdict;
      hang(child);
    }
  };
  hang(root);
  return root;
};

// The sums of a measure over a forest, each kept at its node, largest children first.
const measure = (node, key) => {
  let sum = node[key];
  for (const child of node.children) sum += measure(child, key);
  node.value = sum;
  node.children.sort((a, b) => b.value - a.value);
  return sum;
};
