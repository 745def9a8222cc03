// Keys of every page: ? shows them, c declares, g and a letter goes somewhere, [ and ] step through what is open,
// Ctrl K opens the palette. Each is a link or a button as well; single keys can be switched off on the page Me.
const keys = document.getElementById("keys"), palette = document.getElementById("palette");
const single = document.body.dataset.singleKeys === "on", SEQUENCE_MS = 1500;
let going = 0;

function dress() { // their styles are few pages' need: they come when they are first wanted
  if (document.getElementById("keys-css")) return;
  const link = Object.assign(document.createElement("link"), { id: "keys-css", rel: "stylesheet", href: keys.dataset.css });
  document.head.append(link);
}

function show(dialog) {
  dress();
  document.querySelectorAll("dialog[open]").forEach((other) => other !== dialog && other.close());
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input")?.select();
}

function follow(selector) { const link = document.querySelector(selector); link?.click(); return Boolean(link); }

const GO = (letter) => follow(`[data-go="${letter}"]`);
const PLAIN = {
  "?": () => { show(keys); return true; },
  c: () => follow("a.declare"),
  "[": () => follow("[data-step=previous]"),
  "]": () => follow("[data-step=next]"),
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); show(palette); return; }
  if (!single || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  const sequence = going && event.timeStamp - going < SEQUENCE_MS;
  going = 0;
  if (sequence) { event.stopImmediatePropagation(); if (GO(event.key)) event.preventDefault(); return; }
  if (event.key === "g") { going = event.timeStamp; event.stopImmediatePropagation(); return; }
  if (PLAIN[event.key]?.()) { event.preventDefault(); event.stopImmediatePropagation(); }
}, true);

// In the palette the arrows move, Enter opens; typing asks the server. Enter waits for the answer to what was typed.
let entered = false;
function openFirst() {
  const found = palette.querySelector("[data-words]");
  if (!entered || found?.dataset.words !== palette.querySelector("input").value.trim()) return;
  entered = false;
  found.querySelector("li a")?.click();
}
palette?.addEventListener("htmx:afterSwap", openFirst);
palette?.addEventListener("input", () => { entered = false; });
palette?.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step && event.key !== "Enter") return;
  const links = [...palette.querySelectorAll("li a")], here = links.indexOf(document.activeElement);
  if (event.key === "Enter") { if (here < 0) { event.preventDefault(); entered = true; openFirst(); } return; }
  event.preventDefault();
  if (here + step < 0) palette.querySelector("input").focus(); else links[Math.min(links.length - 1, here + step)]?.focus();
});
document.addEventListener("click", (event) => { if (event.target.closest("[data-show-keys]")) show(keys); if (event.target.closest("[data-show-palette]")) show(palette); });
