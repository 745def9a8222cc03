// The five whys by keyboard: arrows move and fold, Enter asks, Shift+Enter adds a cause, E edits, Delete removes.
const items = (tree) => [...tree.querySelectorAll("[role=treeitem]")].filter((item) => item.offsetParent);
const group = (item) => (item.nextElementSibling?.matches("[role=group]") ? item.nextElementSibling : null);
const above = (item) => item.closest("[role=group]")?.previousElementSibling;

function choose(item, focus = true) {
  if (!item) return;
  for (const other of item.closest("[data-tree]").querySelectorAll("[role=treeitem]")) {
    other.tabIndex = -1;
    other.setAttribute("aria-selected", "false");
  }
  item.tabIndex = 0;
  item.setAttribute("aria-selected", "true");
  if (focus) item.focus();
}

function fold(item, open) {
  if (!group(item)) return false;
  const was = item.getAttribute("aria-expanded") === "true";
  item.setAttribute("aria-expanded", String(open));
  return was !== open;
}

function press(item, key) {
  const button = item.querySelector(`[data-key="${key}"]`);
  button?.click();
  return Boolean(button);
}

const STEPS = {
  ArrowDown: (item, all) => choose(all[all.indexOf(item) + 1]),
  ArrowUp: (item, all) => choose(all[all.indexOf(item) - 1]),
  Home: (item, all) => choose(all[0]),
  End: (item, all) => choose(all.at(-1)),
  ArrowRight: (item) => fold(item, true) || choose(group(item)?.querySelector("[role=treeitem]")),
  ArrowLeft: (item) => fold(item, false) || choose(above(item)),
  Enter: (item, all, event) => press(item, event.shiftKey ? "Shift+Enter" : "Enter") || item.querySelector("a")?.click(),
  e: (item) => press(item, "e"),
  Delete: (item) => item.dataset.remove && htmx.ajax("POST", item.dataset.remove, { target: "#whys", swap: "outerHTML" }),
};

document.addEventListener("keydown", (event) => {
  const item = event.target;
  if (!item.matches?.("[data-tree] [role=treeitem]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  step(item, items(item.closest("[data-tree]")), event);
});
document.addEventListener("focusin", (event) => choose(event.target.closest?.("[data-tree] [role=treeitem]"), false));

// A form that was opened in place closes in place, and what was saved is shown.
document.addEventListener("click", (event) => {
  const cancel = event.target.closest("[data-close-form]"), form = cancel?.closest(".why-form");
  if (!form) return;
  event.preventDefault();
  form.replaceChildren();
  choose(form.closest("[role=treeitem]"));
});
document.addEventListener("why-saved", (event) => choose(document.getElementById(`why-${event.detail.id}`)));
document.addEventListener("htmx:beforeSwap", (event) => {
  const here = event.detail.target;
  if (here.matches(".why-form")) document.querySelectorAll(".why-form").forEach((form) => form === here || form.replaceChildren());
});
