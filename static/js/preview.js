// The preview beside a form of the admin site: asks half a second after the last change. The button does it without a script.
const box = document.querySelector("[data-preview]"), form = box.closest("form"), button = form.querySelector("button[formaction]");
let waiting = null, asked = 0;

async function ask() {
  const number = ++asked;
  try {
    const answer = await fetch(box.dataset.preview, { method: "POST", body: new FormData(form), headers: { "X-Requested-With": "fetch" } });
    const text = answer.ok && !answer.redirected ? await answer.text() : "";
    if (number === asked && text) box.innerHTML = text;
  } catch {
    if (number === asked) box.textContent = "The preview cannot be reached now. Saving may still work.";
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, 500);
}

// The admin site's own widgets announce changes through its jQuery alone.
window.django.jQuery(form).on("change input", soon);
document.addEventListener("formset:added", soon);
document.addEventListener("formset:removed", soon);
button.addEventListener("click", (event) => { event.preventDefault(); ask(); });
ask();
