// Rows inside a form: added by a button, ordered by dragging their grip or with the arrow keys on it. The numbers say the same without a script.
const GRIP = "[data-grip]", own = (list) => [...list.children].filter((row) => row.matches("[data-row]"));

function numberOf(row, list) {
  return row.querySelector(`[name$="-${list.dataset.order}"]`);
}

// Rows that shared a number and still stand together share one again; the one that was moved joins two neighbours that do.
function renumber(list, moved) {
  const rows = own(list), fields = rows.map((row) => numberOf(row, list)), was = fields.map((field) => field.value);
  const place = rows.indexOf(moved);
  if ("down" in list.dataset) {
    const numbers = was.map(Number).sort((one, other) => other - one);
    const apart = new Set(numbers).size === numbers.length;
    fields.forEach((field, at) => { field.value = apart ? numbers[at] : fields.length - 1 - at; });
  } else {
    const joins = place > 0 && place + 1 < rows.length && was[place - 1] === was[place + 1] && was[place - 1] !== "";
    if (joins) was[place] = was[place - 1];
    let number = 0;
    fields.forEach((field, at) => {
      const together = at > 0 && was[at] !== "" && was[at] === was[at - 1] && (joins || (at !== place && at - 1 !== place));
      if (!together) number += 1;
      if (was[at] !== "" || at === place) field.value = number;
    });
  }
  moved.dispatchEvent(new Event("change", { bubbles: true }));
}

function drag(event) {
  const grip = event.target.closest(GRIP);
  if (!grip || event.button) return;
  event.preventDefault();
  const row = grip.closest("[data-row]"), list = row.parentElement, before = own(list).indexOf(row);
  row.classList.add("dragged");
  grip.setPointerCapture(event.pointerId);
  grip.focus();
  const move = ({ clientY }) => {
    for (const other of own(list)) {
      const box = other.getBoundingClientRect(), middle = box.top + box.height / 2;
      const isAbove = other.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (isAbove && clientY < middle) { other.before(row); break; }
      if (other !== row && !isAbove && clientY > middle) other.after(row);
    }
  };
  const drop = () => {
    grip.removeEventListener("pointermove", move);
    row.classList.remove("dragged");
    if (own(list).indexOf(row) !== before) renumber(list, row);
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("lostpointercapture", drop, { once: true });
}

function step(event) {
  const grip = event.target.closest(GRIP), way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!grip || !way) return;
  event.preventDefault();
  const row = grip.closest("[data-row]"), list = row.parentElement, other = own(list)[own(list).indexOf(row) + way];
  if (!other) return;
  if (way < 0) other.before(row); else other.after(row);
  renumber(list, row);
  grip.focus();
}

function add(button) {
  const set = button.closest("[data-formset]"), prefix = set.dataset.formset;
  const total = set.querySelector(`[name="${prefix}-TOTAL_FORMS"]`), list = set.querySelector("[data-rows]");
  const empty = [...set.children].find((child) => child.matches("template[data-empty]"));
  list.insertAdjacentHTML("beforeend", empty.innerHTML.replaceAll(`${prefix}-__prefix__`, `${prefix}-${total.value}`));
  total.value = Number(total.value) + 1;
  const row = list.lastElementChild;
  show(row);
  row.querySelector("input:not([type=hidden]), select").focus();
  row.dispatchEvent(new Event("change", { bubbles: true }));
}

function show(part) {
  for (const hidden of part.querySelectorAll("[data-grip], [data-add], .add")) hidden.hidden = false;
}

const group = document.querySelector(".layers");
show(group);
for (const plain of group.querySelectorAll(".plain-way")) plain.hidden = true; // its form stays in the set, empty
group.addEventListener("pointerdown", drag);
group.addEventListener("keydown", step);
group.addEventListener("click", (event) => { const button = event.target.closest("[data-add]"); if (button) add(button); });
