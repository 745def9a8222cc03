// A section being written: saved by itself, kept in the browser until it is, brought together with what others write.
const SAVE_AFTER = 1500, AGAIN_AFTER = 5000;
let timer = 0, busy = false, stopped = false, sending = false;

const form = () => document.getElementById("section-form");
const text = () => form()?.querySelector("textarea[name=text]");
const version = () => form().querySelector("[name=base_version]");
const changed = () => text() && ("unsaved" in form().dataset || text().value !== text().defaultValue);
const place = (base) => `draft:${form().dataset.draft}/${base}`;

function state(words) { const line = document.getElementById("save-state"); if (line) line.textContent = words; }

function tell(words) {
  const note = document.createElement("p");
  note.className = "note bad";
  note.setAttribute("role", "alert");
  note.textContent = words;
  form().querySelector("[role=alert]")?.remove();
  form().querySelector("h2").after(note);
  return note;
}

// What is typed lies in the browser until the server has it.
function keep() { try { localStorage.setItem(place(version().value), JSON.stringify({ text: text().value, at: Date.now() })); } catch { /* a full or closed store: the form still saves */ } }
function forget(base) { try { localStorage.removeItem(place(base)); } catch { /* as above */ } }
function drafts() {
  const mine = place("");
  try { return Object.keys(localStorage).filter((key) => key.startsWith(mine)).map((key) => ({ key, base: key.slice(mine.length), ...JSON.parse(localStorage.getItem(key)) })); } catch { return []; }
}

function soon(wait = SAVE_AFTER) { clearTimeout(timer); timer = setTimeout(save, wait); }

async function save() {
  clearTimeout(timer);
  if (stopped || sending || !form()?.dataset.autosave || !changed()) return;
  if (busy) { soon(); return; }
  busy = true;
  const sent = text().value, base = version().value;
  try {
    const answer = await fetch(form().dataset.autosave, { method: "POST", body: new FormData(form()), headers: { "X-Requested-With": "fetch" } });
    if (answer.redirected || answer.status === 403) refuse("You are signed out. What you typed is still here and in this browser: sign in again in another tab, then press Save.");
    else if (answer.status === 409 || answer.status === 422) refuse(`${(await answer.json()).words} Press Save to go on.`);
    else if (!answer.ok) throw new Error(answer.status);
    else settle(sent, base, await answer.json());
  } catch {
    state("Not saved: the server cannot be reached. What you type is kept in this browser.");
    soon(AGAIN_AFTER);
  }
  busy = false;
}

function refuse(words) { stopped = true; state("Not saved."); tell(words); }

function settle(sent, base, answer) {
  const field = text(), since = field.value !== sent;
  if ("text" in answer && since) { soon(); return; } // the next save brings both together, from the old beginning
  delete form().dataset.unsaved;
  forget(base);
  version().value = answer.version;
  if ("text" in answer) replace(field, answer.text);
  field.defaultValue = "text" in answer ? answer.text : sent;
  if (since) { keep(); soon(); }
  state("text" in answer ? `Saved ${answer.at}, together with what somebody else wrote` : `Saved ${answer.at}`);
}

function replace(field, words) { // the cursor stays where it is in the text
  const { selectionStart: start, selectionEnd: end, value } = field, before = value.slice(0, start);
  const moved = words.startsWith(before) ? 0 : words.length - value.length;
  field.value = words;
  field.setSelectionRange(Math.max(0, start + moved), Math.max(0, end + moved));
}

function offer() {
  for (const draft of drafts()) {
    if (typeof draft.text !== "string" || draft.text.trim() === text().value.trim()) { localStorage.removeItem(draft.key); continue; }
    const note = tell(`Text that was not saved lies in this browser, typed ${new Date(draft.at).toLocaleString()}. `);
    note.className = "note warn row";
    const button = (label, act) => { const made = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: label }); made.addEventListener("click", () => { act(); note.remove(); text().focus(); }); note.append(made); };
    button("Take it up", () => { text().value = draft.text; version().value = draft.base; keep(); soon(0); });
    button("Throw it away", () => localStorage.removeItem(draft.key));
    return;
  }
}

document.addEventListener("input", (event) => { if (event.target === text()) { keep(); state("…"); soon(); } });
document.addEventListener("focusout", (event) => { if (event.target === text()) save(); });
addEventListener("online", save);
document.addEventListener("submit", (event) => { if (event.target === form()) { sending = true; clearTimeout(timer); } });
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.requestConfig?.elt !== form()) return;
  sending = Boolean(event.detail.xhr?.getResponseHeader("HX-Redirect"));
  if (sending) drafts().forEach((draft) => localStorage.removeItem(draft.key));
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const answer = event.detail;
  if (answer.requestConfig?.elt !== form()) return;
  if (answer.xhr.status === 409) { answer.shouldSwap = true; answer.isError = false; }
  if (new URL(answer.xhr.responseURL).pathname === new URL(form().action).pathname) { stopped = false; return; }
  answer.shouldSwap = false; // signed out: the answer is the page to sign in
  tell("You are signed out. What you typed is still here: copy it, then sign in again.");
});
addEventListener("beforeunload", (event) => { if (!sending && changed()) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#section-form")) form().requestSubmit();
});
if (form() && !form().querySelector("[name=began]")) offer();
