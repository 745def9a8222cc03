// The incident page, live: entries slip into the timeline where they belong, the rest is asked for anew; forms are left alone.
import { Live, showState } from "./live.js";

const live = document.getElementById("live"), key = `tocsin:${live.dataset.draft}`;
const HELD = []; // entries that wait behind “2 new” while the reader is further down
let asking = null, state = "reconnecting", heard = Date.now();

const BELONG = { asked: "decisions", objection: "decisions" }; // kinds that another filter shows

function story() { return document.getElementById("tl"); }
function shown(kind) {
  const show = story().dataset.show;
  return show === "all" || (show === "" ? kind !== "delivery" : (BELONG[kind] || `${kind}s`) === show);
}

function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return [...holder.content.children].filter((entry) => entry.dataset.seq);
}

// Newest first by what happened when; equal times by the order of writing.
function place(entry) {
  const list = story();
  if (document.getElementById(entry.id)) return;
  const after = [...list.querySelectorAll("[data-seq]")].find((other) =>
    other.dataset.at < entry.dataset.at || (other.dataset.at === entry.dataset.at && Number(other.dataset.seq) < Number(entry.dataset.seq)));
  const day = entry.dataset.at.slice(0, 10);
  list.insertBefore(entry, after || null);
  if (!list.querySelector(`[data-day="${day}"]`)) addDay(entry, day);
  else if (entry.previousElementSibling === null) moveDayUp(list, day);
  entry.classList.add("arrived");
}

function addDay(entry, day) {
  const line = document.createElement("li"), time = document.createElement("time");
  line.className = "day";
  line.dataset.day = time.dateTime = day;
  time.textContent = new Date(`${day}T12:00Z`).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).replace(",", "");
  line.append(time, " UTC");
  entry.before(line);
}

function moveDayUp(list, day) { list.prepend(list.querySelector(`[data-day="${day}"]`)); }

function above() { return story().getBoundingClientRect().top < 80 && !document.getElementById("composer")?.contains(document.activeElement); }

function arrive(entries) {
  for (const entry of entries) {
    live.dataset.seq = Math.max(Number(live.dataset.seq), Number(entry.dataset.seq));
    if (!shown(entry.dataset.kind)) continue;
    if (above()) HELD.push(entry); else place(entry);
  }
  tellHeld();
}

function tellHeld() {
  const button = document.getElementById("arrived");
  if (!button) return;
  button.hidden = HELD.length === 0;
  button.querySelector("span").textContent = `${HELD.length} new`;
}

function release() { HELD.splice(0).forEach(place); tellHeld(); }

function askForRoom() {
  if (asking) return;
  asking = setTimeout(() => { asking = null; document.body.dispatchEvent(new Event("room-changed")); }, 80 + Math.random() * 170);
}

async function poll(seq) {
  try {
    const answer = await fetch(`${live.dataset.poll}?since=${seq}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) return;
    const entries = parse(await answer.text());
    stream.seq = Math.max(stream.seq, ...entries.map((entry) => Number(entry.dataset.seq)));
    heard = Date.now();
    arrive(entries);
    if (entries.length) askForRoom();
  } catch { /* offline: the dot says so, the next poll tries again */ }
}

function show() { showState(document.getElementById("live-dot"), state, heard); }

const stream = new Live(live.dataset.stream, {
  seq: Number(live.dataset.seq),
  onEvent: (name, data) => {
    heard = Date.now();
    if (name === "entry") arrive(parse(data));
    else if (name === "room") askForRoom();
    else if (name === "reload") location.reload();
  },
  onPoll: poll,
  onState: (now, since) => { state = now; heard = Math.max(heard, since); show(); },
});
setInterval(show, 1000);

// What is being typed survives a reload, a crash, a lost network.
function text() { return document.querySelector("#composer textarea"); }
function keep() { if (text()?.value) localStorage.setItem(key, text().value); else localStorage.removeItem(key); }
function restore() { const kept = localStorage.getItem(key); if (kept && text() && !text().value) text().value = kept; }
document.addEventListener("input", (event) => { if (event.target === text()) keep(); });
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt?.id !== "composer" || !event.detail.successful) return;
  localStorage.removeItem(key);
  if (!stream.live) poll(stream.seq);
  requestAnimationFrame(() => { text()?.focus(); release(); });
});
restore();

// Dialogs: a deed's form comes into #ask; done closes it.
const ask = document.getElementById("ask");
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== ask || !ask.childElementCount) return;
  if (!ask.open) ask.showModal();
  const refusal = ask.querySelector("[role=alert], .error, .note.warn");
  if (refusal) { ask.scrollTop = 0; refusal.tabIndex = -1; refusal.focus(); refusal.scrollIntoView({ block: "center" }); }
});
// What the reader opened in the checklist stays open when the cards come in anew.
const opened = new Map();
document.addEventListener("toggle", (event) => { if (event.target.matches?.("#doing details[id]")) opened.set(event.target.id, event.target.open); }, true);
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "doing") opened.forEach((open, id) => { const part = document.getElementById(id); if (part) part.open = open; });
});
document.body.addEventListener("deed-done", () => { ask.close(); ask.replaceChildren(); if (!stream.live) poll(stream.seq); });
document.addEventListener("click", (event) => {
  if (event.target.closest("#arrived")) { release(); story().scrollIntoView({ block: "start" }); }
  if (event.target.closest("#ask a[data-close-dialog]")) event.preventDefault();
  const opens = event.target.closest("[data-open-composer]");
  if (opens) {
    event.preventDefault();
    const kind = document.querySelector(`#composer input[value="${opens.dataset.openComposer}"]`);
    if (kind) kind.checked = true;
    document.getElementById("composer").classList.add("open");
    text().focus();
  }
  if (event.target.closest("[data-close-composer]")) document.getElementById("composer").classList.remove("open");
});

// e begins to write; j and k move through the timeline.
const WRITE = { e: "note" };
function write(kind) {
  document.getElementById("composer").classList.add("open");
  const choice = document.querySelector(`#composer input[value="${kind}"]`);
  if (choice) choice.checked = true;
  text().focus();
}
function move(step) {
  const entries = [...story().querySelectorAll("[data-seq]")], here = entries.indexOf(document.activeElement);
  const entry = entries[Math.max(0, Math.min(entries.length - 1, here < 0 ? 0 : here + step))];
  if (!entry) return;
  entry.tabIndex = -1;
  entry.focus();
}

// Ctrl+Enter sends; single keys are buttons' shortcuts, off while typing.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog, [contenteditable]");
  if (typing) { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.body.dataset.singleKeys !== "on") return;
  if (WRITE[event.key] && text()) { event.preventDefault(); write(WRITE[event.key]); return; }
  if (event.key === "j" || event.key === "k") { move(event.key === "j" ? 1 : -1); return; }
  const button = /^[a-z]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
  if (button) { event.preventDefault(); button.click(); }
});
