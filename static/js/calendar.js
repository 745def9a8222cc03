// A schedule by mouse or pen: drag over the line of who is on call, or over days of the month, and the form opens filled in.
// A click on a shift is a link and needs no script; narrow ones carry their address for a click.
const HOUR = 3600000, FINE = 15 * 60000, STILL = 5; // pixels below which a press is a click
const SVG = "http://www.w3.org/2000/svg";

function open(form, from, to, zone) {
  const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), zone });
  location.assign(`${form}?${query}`);
}

function dragOver(track) {
  const start = Date.parse(track.dataset.from), end = Date.parse(track.dataset.to);
  const step = end - start <= 26 * HOUR ? FINE : HOUR;
  let from = null, draft = null;

  const at = (event) => {
    const box = track.getBoundingClientRect(), share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    return Math.round((share * (end - start)) / step) * step;
  };
  const place = (time) => `${(time / (end - start)) * 100}%`;
  const stop = () => { draft?.remove(); from = draft = null; };

  track.addEventListener("dragstart", (event) => event.preventDefault());
  track.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button) return;
    from = { time: at(event), x: event.clientX };
  });
  addEventListener("pointermove", (event) => {
    if (!from || Math.abs(event.clientX - from.x) < STILL) return;
    if (!draft) {
      draft = document.createElementNS(SVG, "svg");
      draft.setAttribute("class", "grd");
      draft.append(document.createElementNS(SVG, "rect"));
      draft.firstChild.setAttribute("class", "draft");
      draft.firstChild.setAttribute("height", "100%");
      track.append(draft);
    }
    const here = at(event);
    draft.firstChild.setAttribute("x", place(Math.min(here, from.time)));
    draft.firstChild.setAttribute("width", place(Math.abs(here - from.time)));
  });
  addEventListener("pointerup", (event) => {
    if (!from) return;
    const here = at(event), began = from.time, dragged = draft !== null;
    stop();
    if (dragged && here !== began) open(track.dataset.drag, start + Math.min(here, began), start + Math.max(here, began), track.dataset.zone);
    if (!dragged) return;
    addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
  track.addEventListener("click", (event) => {
    const narrow = event.target.closest("[data-href]");
    if (narrow) location.assign(narrow.dataset.href);
  });
}

function dragDays(month) {
  const cells = [...month.querySelectorAll("td[data-from]")];
  let first = null, last = null;
  const show = () => {
    const [low, high] = [Math.min(first, last), Math.max(first, last)];
    cells.forEach((cell, place) => cell.classList.toggle("picked", first !== null && first !== last && place >= low && place <= high));
  };
  const stop = () => { first = last = null; show(); };
  const under = (event) => cells.indexOf(document.elementFromPoint(event.clientX, event.clientY)?.closest("td"));

  month.addEventListener("dragstart", (event) => event.preventDefault());
  month.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button) return;
    first = last = cells.indexOf(event.target.closest("td"));
    if (first < 0) stop();
  });
  addEventListener("pointermove", (event) => {
    if (first === null) return;
    const here = under(event);
    if (here >= 0 && here !== last) { last = here; show(); getSelection().removeAllRanges(); }
  });
  addEventListener("pointerup", () => {
    if (first === null) return;
    const [low, high] = [Math.min(first, last), Math.max(first, last)];
    stop();
    if (low === high) return;
    addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
    open(month.dataset.month, cells[low].dataset.from, cells[high].dataset.to, month.dataset.zone);
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
}

document.querySelectorAll("[data-drag]").forEach(dragOver);
document.querySelectorAll("[data-month]").forEach(dragDays);
