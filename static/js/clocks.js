// Clocks that tick. Each is a <time> drawn by the template tags `countdown` and `elapsed`; this says the same words every second.
// The server's time comes with <html data-now>, later from the Date of each htmx answer: a wrong clock in the browser does no harm.
const HOUR = 3600, DAY = 24 * HOUR, DAYS_FROM = 2 * DAY; // seconds
const root = document.documentElement;
let skew = 0; // milliseconds to add to the browser's clock

function two(number) { return String(number).padStart(2, "0"); }

function running(seconds) {
  if (seconds < HOUR) return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
  if (seconds >= DAYS_FROM) return `${Math.floor(seconds / DAY)} days`;
  const minutes = Math.floor(seconds % HOUR / 60);
  return `${Math.floor(seconds / HOUR)} h` + (minutes ? ` ${minutes} min` : "");
}

function late(seconds) {
  return seconds >= HOUR ? `${running(seconds)} late` : `${Math.floor(seconds / 60)}:${two(seconds % 60)} late`;
}

function countdown(clock, now) {
  const left = Math.ceil((Date.parse(clock.dataset.countdown) - now) / 1000);
  const soon = clock.dataset.soon && now >= Date.parse(clock.dataset.soon);
  const state = left <= 0 ? "late" : soon ? "soon" : "run";
  if (clock.dataset.state !== state) clock.dataset.state = state;
  return left > 0 ? `${clock.dataset.prefix || ""} ${running(left)}`.trim() : late(-left);
}

function elapsed(clock, now) {
  return running(Math.max(0, Math.floor((now - Date.parse(clock.dataset.elapsed)) / 1000)));
}

function say(clock, words) {
  if (clock.textContent !== words) clock.textContent = words;
}

export function serverNow() { return Date.now() + skew; }

export function tick() {
  const now = serverNow();
  for (const clock of document.querySelectorAll("time[data-countdown]")) say(clock, countdown(clock, now));
  for (const clock of document.querySelectorAll("time[data-elapsed]")) say(clock, elapsed(clock, now));
}

function tickOnTheSecond() {
  tick();
  setTimeout(tickOnTheSecond, 1000 - serverNow() % 1000);
}

function learnFromPage() {
  const [navigation] = performance.getEntriesByType("navigation");
  if (!root.dataset.now || !navigation || navigation.type === "back_forward") return; // an old page tells an old time
  skew = Date.parse(root.dataset.now) - (performance.timeOrigin + navigation.responseStart);
}

function learnFromAnswer(event) {
  const told = Date.parse(event.detail.xhr.getResponseHeader("Date") || "");
  if (told && Math.abs(told - serverNow()) > 2000) skew = told - Date.now(); // the header knows whole seconds only
}

learnFromPage();
document.addEventListener("htmx:afterRequest", learnFromAnswer);
document.addEventListener("htmx:afterSettle", tick);
tickOnTheSecond();
