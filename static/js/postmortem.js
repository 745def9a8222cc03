// A section being written: what was typed is never lost by a conflict, a session that ended, or a step away.
let sending = false;

function form() { return document.getElementById("section-form"); }
function changed() { const text = form()?.querySelector("textarea"); return text && ("unsaved" in form().dataset || text.value !== text.defaultValue); }

document.addEventListener("htmx:beforeSwap", (event) => {
  const answer = event.detail;
  if (answer.requestConfig?.elt !== form()) return;
  if (answer.xhr.status === 409) { answer.shouldSwap = true; answer.isError = false; }
  const from = new URL(answer.xhr.responseURL).pathname;
  if (from === new URL(form().action).pathname) return;
  answer.shouldSwap = false; // signed out: the answer is the page to sign in
  tell("You are signed out. What you typed is still here: copy it, then sign in again.");
});

function tell(words) {
  const note = document.createElement("p");
  note.className = "note bad";
  note.setAttribute("role", "alert");
  note.textContent = words;
  form().querySelector("[role=alert]")?.remove();
  form().querySelector("h2").after(note);
}

document.addEventListener("submit", () => { sending = true; });
document.addEventListener("htmx:afterRequest", (event) => { sending = Boolean(event.detail.xhr?.getResponseHeader("HX-Redirect")); });
addEventListener("beforeunload", (event) => { if (!sending && changed()) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest("#section-form")) form().requestSubmit();
});
