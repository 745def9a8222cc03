// The list by keyboard: / search, j and k move, x ticks, Enter opens. Everything is a link or a box as well.
const rows = () => [...document.querySelectorAll("#found > li")];
let here = -1;

function go(step) {
  const all = rows();
  if (!all.length) return;
  here = Math.max(0, Math.min(all.length - 1, here + step));
  all.forEach((row, place) => row.classList.toggle("here", place === here));
  all[here].querySelector("a.t").focus();
  all[here].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (typing) { if (event.key === "Escape") event.target.blur(); return; }
  if (document.body.dataset.singleKeys !== "on") return;
  if (event.key === "/") { event.preventDefault(); document.getElementById("id_q").focus(); }
  else if (event.key === "j") go(1);
  else if (event.key === "k") go(here < 0 ? 0 : -1);
  else if (event.key === "x" && here >= 0) rows()[here].querySelector("input[type=checkbox]")?.click();
});
