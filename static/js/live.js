// Live news for a page: one event stream, told apart from polling only by the dot. Events go to the page as DOM events.
// The browser's own EventSource resumes with Last-Event-ID; when this opens a new one it names the last entry itself.
const POLL_MS = 5000, RETRY_MS = 15000, QUIET_MS = 40000; // a stream that is silent for longer than two pings is dead

export class Live {
  constructor(address, { seq = null, onEvent, onPoll, onState }) {
    Object.assign(this, { address: address.split("?")[0], seq, onEvent, onPoll, onState });
    this.heard = Date.now();
    this.open();
    setInterval(() => this.check(), POLL_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.check(); });
    addEventListener("online", () => this.open());
    addEventListener("pagehide", () => this.source?.close());
  }

  open() {
    this.source?.close();
    if (!window.EventSource) { this.opened = Date.now(); this.onState("reconnecting", this.heard); return; }
    this.opened = Date.now();
    const since = this.seq === null ? "" : `?since=${this.seq}`;
    this.source = new EventSource(this.address + since);
    this.source.onopen = () => { this.heard = Date.now(); this.live = true; this.onState("live", this.heard); };
    this.source.onerror = () => { this.live = false; this.onState("reconnecting", this.heard); };
    for (const name of ["entry", "room", "board", "reload"]) this.source.addEventListener(name, (event) => {
      this.heard = Date.now();
      if (event.lastEventId) this.seq = Math.max(this.seq ?? 0, Number(event.lastEventId));
      this.onEvent(name, event.data);
    });
  }

  // No stream: poll. Now and then try the stream again; where it cannot be had, the page goes on polling.
  check() {
    if (this.live && this.source.readyState === 1) return;
    this.onPoll(this.seq);
    if (Date.now() - this.opened > RETRY_MS || this.source?.readyState === 2) this.open();
  }
}

export function showState(dot, state, heard) {
  if (!dot) return;
  const words = dot.querySelector("[data-live-words]");
  const late = state !== "live" && Date.now() - heard > 10000;
  dot.classList.toggle("warn", state !== "live");
  const time = new Date(heard).toISOString().slice(11, 19);
  const text = state === "live" ? "Live" : late ? `Last update ${time} UTC` : "Reconnecting";
  if (words.textContent !== text) words.textContent = text;
}
