// The board, live: news asks htmx for the fragment, a little scattered so that many boards do not ask at once.
import { Live, showState } from "./live.js";

const board = document.getElementById("board");
let waiting = null, state = "reconnecting", heard = Date.now();

function ask() {
  if (waiting) return;
  waiting = setTimeout(() => { waiting = null; document.body.dispatchEvent(new Event("board-changed")); }, 100 + Math.random() * 300);
}

function show() { showState(document.querySelector("[data-live-dot]"), state, heard); }

new Live(board.dataset.stream, {
  onEvent: ask,
  onPoll: ask,
  onState: (now, since) => { state = now; heard = since; show(); },
});
document.addEventListener("htmx:afterSettle", show);
