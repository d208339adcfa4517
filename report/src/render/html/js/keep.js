// Changing a part of the page without taking from its reader what they hold: the focus, and what they unfolded.

const reachable = (room) => [...room.querySelectorAll("a[href], button, input, select, summary, [tabindex]")];

// Makes `nodes` the children of `room`. Those that are there already and stand in the same order are not touched.
const arrange = (room, nodes) => {
  const wanted = new Set(nodes);
  for (const node of [...room.childNodes]) if (!wanted.has(node)) node.remove();
  let at = room.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else room.insertBefore(node, at);
  }
};

// What is unfolded in one node is unfolded in the one that takes its place.
const unfold = (old, fresh) => {
  const told = (details) => details.querySelector("summary")?.textContent;
  const state = new Map([...old.querySelectorAll("details")].map((details) => [told(details), details.open]));
  for (const details of fresh.querySelectorAll("details")) {
    if (state.has(told(details))) details.open = state.get(told(details));
  }
};

// Changes something in `room`. Where the focus was on something that is gone, it goes to what took its place: in the
// row of the same key, or in the room, the one of the same number.
const holding = (room, change) => {
  const held = document.activeElement;
  if (!held || held === room || !room.contains(held)) return change();
  const row = held.closest("[data-key]");
  const key = row && row.dataset.key;
  const number = reachable(row || room).indexOf(held);
  change();
  if (document.activeElement === held) return;
  const again = row ? [...room.querySelectorAll("[data-key]")].find((found) => found.dataset.key === key) : room;
  const next = again && reachable(again)[number];
  if (next) next.focus({ preventScroll: true });
};
