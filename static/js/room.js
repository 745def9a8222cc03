// The incident page, live: entries slip into the timeline where they belong, the rest is asked for anew; forms are left alone.
import { Live, showState } from "./live.js";
import { composing, insertBefore, sendWaiting, write } from "./composer.js";
import { serverNow } from "./clocks.js";

const live = document.getElementById("live");
const HELD = []; // entries that wait behind “2 new” while the reader is further down
let asking = null, state = "reconnecting", heard = Date.now();

const BELONG = { asked: "decisions", objection: "decisions" }; // kinds that another filter shows

function story() { return document.getElementById("tl"); }
function shown(kind) {
  const show = story().dataset.show;
  if (story().dataset.words || show === "story") return false; // the count of what is hidden is asked for with the next look
  return show === "all" || (show === "" ? kind !== "delivery" : (BELONG[kind] || `${kind}s`) === show);
}

function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return [...holder.content.children].filter((entry) => entry.dataset.seq);
}

// By what happened when, in the order of the page; equal times by the order of writing.
function isOlder(one, other) { return one.dataset.at < other.dataset.at || (one.dataset.at === other.dataset.at && Number(one.dataset.seq) < Number(other.dataset.seq)); }

function place(entry) {
  const list = story(), oldestFirst = list.dataset.order === "old";
  if (document.getElementById(entry.id)) return;
  const others = [...list.querySelectorAll("[data-seq]")];
  if (others.some((other) => Number(other.dataset.replaces) === Number(entry.dataset.seq))) return;
  others.find((other) => other.dataset.seq === entry.dataset.replaces)?.remove(); // a correction takes its place
  const after = others.find((other) => other.isConnected && (oldestFirst ? isOlder(entry, other) : isOlder(other, entry)));
  const day = entry.dataset.at.slice(0, 10);
  list.insertBefore(entry, after || null);
  if (!list.querySelector(`[data-day="${day}"]`)) addDay(entry, day);
  else if (entry.previousElementSibling === null) moveDayUp(list, day);
  else if (entry.nextElementSibling?.dataset.day === day && list.dataset.order !== "old") entry.before(entry.nextElementSibling);
  entry.classList.add("arrived");
  window.htmx.process(entry); // its links open in the dialog
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
  onState: (now, since) => { state = now; heard = Math.max(heard, since); show(); if (now === "live") sendWaiting(); },
});
setInterval(show, 1000);

document.addEventListener("entry-written", () => { if (!stream.live) poll(stream.seq); release(); });

// The title of the tab counts down to what is due next.
const title = document.title;
function nextDue() {
  const due = [...document.querySelectorAll("#next time[data-countdown], #clocks time[data-countdown]")].map((clock) => Date.parse(clock.dataset.countdown));
  return due.length ? Math.min(...due) : null;
}
function countInTitle() {
  const due = nextDue(), left = due === null ? 0 : Math.ceil((due - serverNow()) / 1000), length = Math.abs(left);
  const told = due !== null && length < 3600 ? `${left < 0 ? "late " : ""}${Math.floor(length / 60)}:${String(length % 60).padStart(2, "0")} ` : "";
  if (document.title !== told + title) document.title = told + title;
}
setInterval(countInTitle, 1000);

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
});

// e begins to write; j and k move through the timeline, x takes the entry into the story, i inserts before it.
function move(step) {
  const entries = [...story().querySelectorAll("[data-seq]")], here = entries.indexOf(document.activeElement);
  const entry = entries[Math.max(0, Math.min(entries.length - 1, here < 0 ? 0 : here + step))];
  if (!entry) return;
  entry.tabIndex = -1;
  entry.focus();
}

async function pin(entry) {
  const token = document.querySelector("#composer [name=csrfmiddlewaretoken]"), look = entry.querySelector(".e-acts a");
  if (!token || !look) return;
  const body = new FormData();
  if (entry.dataset.pinned) body.append("undo", "1");
  const answer = await fetch(`${look.pathname}pin/`, { method: "POST", body, headers: { "X-CSRFToken": token.value, "HX-Request": "true" } });
  if (!answer.ok) return;
  if (entry.dataset.pinned) delete entry.dataset.pinned; else entry.dataset.pinned = "yes";
  document.body.dispatchEvent(new Event("room-changed"));
}

const ON_ENTRY = { x: pin, i: insertBefore };

// Ctrl+Enter sends; single keys are buttons' shortcuts, off while typing.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog, [contenteditable]");
  if (typing) { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.body.dataset.singleKeys !== "on") return;
  if (event.key === "e" && composing()) { event.preventDefault(); write("note"); return; }
  const entry = event.target.closest("#tl [data-seq]");
  if (entry && ON_ENTRY[event.key]) { event.preventDefault(); ON_ENTRY[event.key](entry); return; }
  if (event.key === "j" || event.key === "k") { move(event.key === "j" ? 1 : -1); return; }
  const button = /^[a-z]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
  if (button) { event.preventDefault(); button.click(); }
});
