// Draws the view of the sitting every second and passes on what a person orders. Decides nothing.

const EVERY_MS = 1000;
const HEIGHT = 270, LEFT = 56, RIGHT = 12, TOP = 34, BOTTOM = 42;
const GAP_SECONDS = 30; // a pause this long breaks the line
const byId = (id) => document.getElementById(id);
let last = "";
let offered = "";
let stage = "";

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const text = await (await fetch("/compare/state")).text();
      if (text !== last) draw(JSON.parse(text));
      last = text;
    } catch {
      say("the web UI does not answer; was it stopped in the terminal?", true);
      write("phase", "gone");
      write("activity", "");
      last = "";
    }
  }
  setTimeout(look, EVERY_MS);
}

function draw(view) {
  answered(JSON.stringify([view.phase, view.condition, view.stored]));
  write("phase", view.phase);
  write("headline", view.headline || "nothing yet");
  const broken = view.lamps.filter((found) => found.ok === false);
  byId("headline").classList.toggle("quiet", view.compares ? !view.is_sure : broken.length > 0);
  write("next", view.next);
  write("subject", view.subject);
  write("condition", view.condition);
  write("doubt", doubt(broken));
  write("activity", view.activity);
  offer(view);
  enable(view);
  const arms = view.choices ? view.choices.arms : [];
  const colours = Object.fromEntries(arms.map((arm) => [arm.name, arm]));
  fill("messages", view.messages, (text) => element("p", {}, text));
  fill("rows", view.rows, (row) => line([armName(colours[row.arm]), row.throughput, row.failures, row.p50, row.p95, row.p99, row.cpu, row.gain]));
  fill("history", view.history, (entry) => line([entry.run, entry.began, entry.what, entry.combs, entry.throughputs, entry.gain]));
  fill("legend", arms, (arm) => armName(arm));
  fill("lamps", view.lamps, lamp);
  drawRates(byId("rates"), view.rates, colours);
  byId("gains-section").hidden = !view.compares;
  if (view.compares) drawGains(byId("gains"), view);
  byId("stored").hidden = !view.stored;
  if (view.stored) {
    write("stored-run", view.stored.run);
    write("stored-combs", String(view.stored.combs));
  }
}

// What an order was answered with has been said once the sitting has moved on, unless it was refused.
function answered(now) {
  if (now !== stage && !byId("answer").classList.contains("bad")) say("", false);
  stage = now;
}

// Fields are set when what is offered or what runs has changed, never under the hands of who types.
function offer(view) {
  const now = view.choices && view.choices.suggested;
  const key = JSON.stringify([view.choices, now]);
  if (!now || key === offered) return;
  offered = key;
  const form = byId("start").elements;
  options(form.scenario, view.choices.scenarios, now.scenario);
  const names = view.choices.arms.map((arm) => arm.name);
  options(form.mode, names.length > 1 ? ["interleaved", ...names] : names, now.mode);
  form.user_count.value = now.users;
  form.spawn_rate.value = now.spawn_rate;
  byId("round-trip").elements.rtt_ms.value = now.rtt_ms;
}

// A button that would do nothing now is not offered.
function enable(view) {
  const running = ["spawning", "running", "stopping"].includes(view.phase);
  const enabled = { start: view.choices !== null, "round-trip": view.choices !== null, stop: running, store: view.combs > 0 };
  for (const [id, on] of Object.entries(enabled)) byId(id).querySelector("button").disabled = !on;
  write("go", running ? "Apply" : "Start");
  limitUsers(view);
}

function limitUsers(view) {
  const { mode, user_count: field } = byId("start").elements;
  const most = view.choices && view.choices.most_users[mode.value];
  if (!most) return;
  field.max = most;
  write("most", String(most));
}

function options(select, values, chosen) {
  select.replaceChildren(...values.map((value) => element("option", { value }, value)));
  select.value = chosen;
}

// A gain never stands there unquestioned while a rule is broken.
function doubt(broken) {
  if (!broken.length) return "";
  return `Not to be used: ${broken.map((found) => found.rule).join(", ")}. The lamps below say more.`;
}

function lamp(found) {
  const state = found.ok === null ? "unknown" : found.ok ? "on" : "off";
  const mark = { unknown: "\u25cb", on: "\u2713", off: "\u2717" }[state];
  const word = { unknown: "no verdict", on: "holds", off: "broken" }[state];
  const sign = element("span", { class: `lamp ${state}`, role: "img", "aria-label": word }, mark);
  const text = element("span", {}, `${found.rule}: ${found.text}`);
  if (state === "off") text.append(element("br"), element("small", {}, found.meaning));
  return wrap("li", sign, text);
}

function drawRates(svg, rates, colours) {
  const all = Object.values(rates).flat();
  const plot = frame(svg, all.map((p) => p.seconds), [0, ...all.map((p) => p.rps)], (v) => `${Math.round(v)}`, "requests/s");
  if (!plot) return;
  for (const at of changes(all)) svg.append(mark(plot.x(at)));
  for (const [arm, points] of Object.entries(rates)) {
    const own = colour(colours[arm]);
    for (const part of unbroken(points)) svg.append(path("arm", part.map((p) => [plot.x(p.seconds), plot.y(p.rps)]), own));
    for (const p of points) svg.append(shape("circle", { class: "dot", cx: plot.x(p.seconds), cy: plot.y(p.rps), r: 2, style: own }));
  }
}

function drawGains(svg, view) {
  const points = view.gains;
  // A first interval, from two stretches, is so wide that it would flatten all that follows.
  const most = Math.max(1, ...points.map((p) => Math.abs(p.gain))) * 2;
  const cut = (v) => Math.min(Math.max(v, -1), most);
  const known = points.filter((p) => p.low !== null);
  const values = [0, ...points.map((p) => p.gain), ...known.flatMap((p) => [cut(p.low), cut(p.high)])];
  if (view.claim !== null) values.push(view.claim);
  const plot = frame(svg, points.map((p) => p.seconds), values, percent, `gain in throughput${view.claim === null ? "" : `; ${view.claim_text}`}`);
  if (!plot) return;
  for (const part of unbroken(known)) {
    const edge = [...part.map((p) => [plot.x(p.seconds), plot.y(cut(p.high))]), ...part.map((p) => [plot.x(p.seconds), plot.y(cut(p.low))]).reverse()];
    svg.append(path("band", edge));
  }
  svg.append(rule("zero", plot.y(0)));
  if (view.claim !== null) {
    svg.append(rule("claim", plot.y(view.claim)));
  }
  for (const at of changes(points)) svg.append(mark(plot.x(at)));
  for (const part of unbroken(points)) svg.append(path("gain", part.map((p) => [plot.x(p.seconds), plot.y(p.gain)])));
  for (const p of points) svg.append(shape("circle", { cx: plot.x(p.seconds), cy: plot.y(p.gain), r: 3, fill: "currentColor" }));
}

// Axes for these values with what they are of, or a word that there are none yet.
function frame(svg, times, values, text, title) {
  const width = svg.clientWidth;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  frame.width = width;
  svg.replaceChildren();
  if (!times.length) {
    svg.append(label("", LEFT, HEIGHT / 2, "nothing measured yet"));
    return null;
  }
  const [t0, t1] = [Math.min(...times), Math.max(...times)];
  const [v0, v1] = [Math.min(...values), Math.max(...values)];
  const x = (t) => LEFT + ((width - LEFT - RIGHT) * (t - t0)) / (t1 - t0 || 1);
  const y = (v) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * (v - v0)) / (v1 - v0 || 1);
  for (const tick of ticks(v0, v1)) {
    svg.append(rule("grid", y(tick)), label("", LEFT - 6, y(tick) + 4, text(tick), "end"));
  }
  svg.append(label("", LEFT, HEIGHT - BOTTOM + 16, "0"), label("", width - RIGHT, HEIGHT - BOTTOM + 16, String(Math.round(t1 - t0)), "end"));
  svg.append(label("title", 0, 16, title), label("", (LEFT + width - RIGHT) / 2, HEIGHT - 6, "seconds since the first comb shown", "middle"));
  return { x, y };
}

function ticks(low, high) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high; at += 1) found.push(at * step);
  return found;
}

function unbroken(points) {
  const parts = [];
  points.forEach((p, at) => {
    const before = points[at - 1];
    if (!before || p.leg !== before.leg || p.seconds - before.seconds > GAP_SECONDS) parts.push([]);
    parts.at(-1).push(p);
  });
  return parts;
}

// Where another condition began: a point under it is not a later one of the line before.
function changes(points) {
  const begins = new Map();
  for (const p of points) begins.set(p.leg, Math.min(p.seconds, begins.get(p.leg) ?? Infinity));
  return [...begins.values()].sort((a, b) => a - b).slice(1);
}

const mark = (x) => shape("line", { class: "change", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });
const percent = (v) => `${v > 0 ? "+" : ""}${Math.round(v * 100)} %`.replace("-", "\u2212");
const colour = (arm) => (arm ? `--light: ${arm.light}; --dark: ${arm.dark}` : "");
const rule = (kind, y) => shape("line", { class: kind, x1: LEFT, x2: frame.width - RIGHT, y1: y, y2: y });
const path = (kind, points, style = "") => shape("path", { class: kind, style, d: points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("") });

function label(kind, x, y, text, anchor = "start") {
  const made = shape("text", { class: kind, x: Math.min(x, frame.width - RIGHT), y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function element(name, attributes = {}, text = "") {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function wrap(name, ...parts) {
  const made = document.createElement(name);
  made.append(...parts);
  return made;
}

const armName = (arm) => wrap("span", element("span", { class: "swatch", style: colour(arm) }), arm ? arm.name : "");
const line = (cells) => wrap("tr", ...cells.map((cell) => wrap("td", cell)));
const fill = (id, items, made) => byId(id).replaceChildren(...items.map(made));

// Only what has changed is touched, so that a screen reader is not told the same thing every second.
function write(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function say(text, bad) {
  write("answer", text);
  byId("answer").classList.toggle("bad", bad);
}

for (const form of document.querySelectorAll(".controls form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const body = new URLSearchParams(new FormData(form));
      if (form.id === "start") body.set("round_trip_ms", byId("round-trip").elements.rtt_ms.value);
      const response = await fetch(form.action, { method: "POST", body });
      const answer = await response.json();
      say(answer.message, !response.ok);
    } catch {
      say("the web UI does not answer; was it stopped in the terminal?", true);
    }
  });
}

byId("start").elements.mode.addEventListener("change", () => { if (last) limitUsers(JSON.parse(last)); });

look();
