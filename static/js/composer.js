// Writing to the timeline: drafts and entries survive a reload, a crash and a lost network; pictures are pasted.
import { serverNow } from "./clocks.js";

const live = document.getElementById("live"), DRAFT = `tocsin:${live.dataset.draft}`, QUEUE = `${DRAFT}:waiting`, RETRY_MS = 5000;
let sending = false;

function form() { return document.getElementById("composer"); }
function text() { return form()?.querySelector("textarea"); }
export function composing() { return Boolean(text()); }

export function write(kind) {
  form().classList.add("open");
  const choice = form().querySelector(`input[value="${kind}"]`);
  if (choice) choice.checked = true;
  text().focus();
}

// Drafts: each letter is kept until the server has it.
function keep() { if (text()?.value) localStorage.setItem(DRAFT, text().value); else localStorage.removeItem(DRAFT); }
function restore() { const kept = localStorage.getItem(DRAFT); if (kept && text() && !text().value) text().value = kept; }
document.addEventListener("input", (event) => { if (event.target === text()) keep(); });

// Each entry has a name of its own, so that what is sent twice is written once.
let last = null; // what was sent and not yet answered with a yes
function newKey() { return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join(""); }
function isComposer(event) { return event.detail.elt?.id === "composer"; }
document.addEventListener("htmx:configRequest", (event) => {
  if (!isComposer(event)) return;
  const said = event.detail.formData;
  if (last?.text !== said.get("text")) last = { kind: said.get("kind"), text: said.get("text"), occurred_at: said.get("occurred_at"), key: newKey() };
  said.set("key", last.key);
});

// What was typed while an entry was under way is typed still when the fresh composer is there.
let typed = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  if (isComposer(event)) typed = event.detail.xhr.status === 200 && text().value !== event.detail.requestConfig.parameters.text ? text().value : "";
});
document.addEventListener("htmx:afterSwap", () => { if (typed && text() && !text().value) { text().value = typed; typed = ""; keep(); } });

// Offline: the entry waits here, with the time at which it was written, and goes out by itself.
function waiting() { try { return JSON.parse(localStorage.getItem(QUEUE)) || []; } catch { return []; } }
function store(entries) { if (entries.length) localStorage.setItem(QUEUE, JSON.stringify(entries)); else localStorage.removeItem(QUEUE); tellWaiting(); }
function tellWaiting(more = "") {
  const banner = document.getElementById("waiting"), count = waiting().length;
  banner.hidden = count === 0;
  banner.querySelector("span").textContent = `${count} ${count === 1 ? "entry waits" : "entries wait"} for the network and will be sent by ${count === 1 ? "itself" : "themselves"}.${more}`;
}
function writtenAt() { // the guessed clock may lag by a second: what is written now comes after all that is shown
  const shown = [...document.querySelectorAll("#tl [data-at]")].map((row) => Date.parse(row.dataset.at)).filter(Number.isFinite);
  return new Date(Math.max(serverNow(), ...shown.map((at) => at + 1))).toISOString();
}
function queue(said) {
  store([...waiting(), { kind: said.kind, text: said.text, occurred_at: said.occurred_at || writtenAt(), key: said.key }]);
  if (text().value === said.text) text().value = "";
  last = null;
  keep();
}
document.addEventListener("htmx:sendError", (event) => {
  const said = event.detail.requestConfig.parameters;
  if (!isComposer(event) || !said.text?.trim() || form().elements.evidence.files.length) return; // a file stays where it is
  event.stopImmediatePropagation();
  queue({ kind: said.kind, text: said.text, occurred_at: said.occurred_at, key: said.key });
}, true);

function send(entry) {
  const said = new FormData(), token = form().elements.csrfmiddlewaretoken.value;
  for (const name of ["kind", "text", "occurred_at", "key"]) said.set(name, entry[name]);
  return fetch(form().action, { method: "POST", body: said, headers: { "X-CSRFToken": token, "HX-Request": "true" } });
}

function giveBack(entry) { // the server refuses it: a person must look
  text().value = [text().value, entry.text].filter(Boolean).join("\n\n");
  keep();
}

export async function sendWaiting() {
  if (sending || !form() || !waiting().length) return;
  sending = true;
  try {
    for (let [entry] = waiting(); entry; [entry] = waiting()) {
      const answer = await send(entry);
      if (answer.status === 422) giveBack(entry);
      else if (answer.redirected || answer.status === 403) { tellWaiting(" Sign in again to send."); return; }
      else if (!answer.ok) return;
      store(waiting().filter((other) => other.key !== entry.key));
      document.dispatchEvent(new Event("entry-written"));
    }
  } catch { /* still offline */ } finally { sending = false; }
}
setInterval(sendWaiting, RETRY_MS);
addEventListener("online", sendWaiting);

document.addEventListener("htmx:afterRequest", (event) => {
  if (!isComposer(event) || !event.detail.successful || event.detail.xhr.status === 204) return;
  last = null;
  if (!typed) keep();
  document.dispatchEvent(new Event("entry-written"));
  requestAnimationFrame(() => text()?.focus());
});

// A command such as /task opens its form; when that is done the command has done its duty.
document.body.addEventListener("open-ask", (event) => window.htmx.ajax("GET", event.detail.path, { target: "#ask", swap: "innerHTML" }));
document.body.addEventListener("deed-done", () => { if (/^\/[a-z]+ /.test(text()?.value || "")) { text().value = ""; keep(); } });

// Pictures are pasted, files are named beside the button.
function nameFiles() { form().querySelector("[data-files]").textContent = [...form().elements.evidence.files].map((file) => file.name).join(", ").slice(0, 60); }
document.addEventListener("change", (event) => { if (event.target === form()?.elements.evidence) nameFiles(); });
document.addEventListener("paste", (event) => {
  if (!form()?.contains(event.target) || !event.clipboardData.files.length) return;
  event.preventDefault();
  const all = new DataTransfer();
  for (const file of [...form().elements.evidence.files, ...event.clipboardData.files]) all.items.add(file);
  form().elements.evidence.files = all.files;
  nameFiles();
});

// Insert: the new entry takes the time of the one that it follows, and so stands right after it.
function insertAfter(at) { write("note"); form().elements.occurred_at.value = at; }
export function insertBefore(entry) {
  const oldestFirst = entry.parentElement.dataset.order === "old", way = oldestFirst ? "previousElementSibling" : "nextElementSibling";
  let other = entry[way];
  while (other && !other.dataset.seq) other = other[way];
  insertAfter(other ? other.dataset.at : new Date(Date.parse(entry.dataset.at) - 1000).toISOString());
}

document.addEventListener("click", (event) => {
  const insert = event.target.closest("[data-insert]");
  if (insert && composing()) { event.preventDefault(); insertAfter(insert.closest("[data-at]").dataset.at); }
  const opens = event.target.closest("[data-open-composer]");
  if (opens) { event.preventDefault(); write(opens.dataset.openComposer || "note"); }
  if (event.target.closest("[data-close-composer]")) form().classList.remove("open");
});

restore();
if (document.getElementById("waiting")) tellWaiting();
sendWaiting();
