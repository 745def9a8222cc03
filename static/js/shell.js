// The shell: where menus open, messages that leave, trouble told in words, times on the reader's own clock.
const TOAST_MS = 12000, UNDO_MS = 60000;
const WORDS = {
  0: "The server cannot be reached.",
  403: "You may not do this.",
  404: "This is not here any more, or it is not for you.",
  409: "Somebody was faster. Load the page again to see what changed.",
  413: "This is too large to send.",
  429: "Too many attempts. Wait a minute, then try again.",
};

// A menu opens under the button that was pressed, or above it in the lower half of the window.
function place(menu, button) {
  const at = button.getBoundingClientRect(), below = at.bottom < innerHeight / 2;
  menu.style.inset = below ? `${at.bottom + 4}px auto auto auto` : `auto auto ${innerHeight - at.top + 4}px auto`;
  const left = Math.min(at.left, innerWidth - menu.offsetWidth - 8);
  menu.style.left = `${Math.max(8, left)}px`;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[popovertarget]");
  if (opener) requestAnimationFrame(() => {
    const menu = document.getElementById(opener.getAttribute("popovertarget"));
    if (menu?.matches(".menu:popover-open")) place(menu, opener);
  });
  event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  event.target.closest("[data-close-dialog]")?.closest("dialog")?.close();
});

function leaveLater(toast) {
  if (toast.dataset.leaving || toast.matches(".bad")) return; // an error stays until it is closed
  toast.dataset.leaving = "yes";
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 3000) : toast.remove());
  setTimeout(leave, toast.matches("[data-undo]") ? UNDO_MS : TOAST_MS);
}

function dressToasts() { document.querySelectorAll(".toast").forEach(leaveLater); }

// Nothing was swapped in: say what failed, in place of silence. What was typed is untouched.
function trouble(status) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const note = document.createElement("div"), words = document.createElement("span"), close = document.createElement("button");
  note.className = "toast note bad";
  note.dataset.trouble = "";
  note.setAttribute("role", "alert");
  words.textContent = `${WORDS[status] || "The server could not do this."} What you typed is still here.`;
  close.className = "btn quiet";
  close.type = "button";
  close.dataset.dismiss = "";
  close.textContent = "Close";
  note.append(words, close);
  region.querySelectorAll("[data-trouble]").forEach((old) => old.remove());
  region.append(note);
}

const readers = (event) => event.detail.requestConfig?.verb === "get"; // a poll that fails is told by the live dot
document.addEventListener("htmx:responseError", (event) => readers(event) || trouble(event.detail.xhr.status));
document.addEventListener("htmx:sendError", (event) => readers(event) || trouble(0));
document.addEventListener("htmx:afterSettle", () => { dressToasts(); localTimes(); });

// <time datetime=… data-local> tells the reader's own time of day when it is pointed at.
function localTimes() {
  const format = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[data-local][datetime]:not([title])")) {
    const at = new Date(time.dateTime), zone = time.closest("[data-zone]")?.dataset.zone;
    const there = zone ? `; ${at.toLocaleTimeString([], { timeStyle: "short", timeZone: zone })} ${zone}` : "";
    time.title = `${time.dateTime.slice(11, 19)} UTC; ${format.format(at)}, your time${there}`;
  }
}

dressToasts();
localTimes();
