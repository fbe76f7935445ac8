"use strict";
// The first page: the sentence, the picture and the table follow one set of wishes, and all of them are in the address.
// Without this script the page shows the front of its first ranking.

const {axes, groups, pages, currency, columns, numbers} = CHOICES;
const FOLLOWED = Object.fromEntries(axes.map((axis) => [axis.name, axis]));
const BEST_FIRST = ["replicated", "consistent", "plausible", "verified", "disputed", "withdrawn", "published"];
const ORIGINS = {measured: "measured machine", published: "published result", predicted: "prediction"};
const SPEEDS = ["latency_ms", "samples_per_second", "queries_per_second"];
const ACCURACIES = ["top1_percent", "f1_percent"];
const MOST_BARS = 300;

const form = document.getElementById("wishes");
const field = (name) => form.elements[name];
const text = (name, row) => columns[name].texts[columns[name].rows[row]];
const value = (name, row) => (numbers[name] ? numbers[name].value[row] : null);
const known = (name, row) => value(name, row) !== null;
const short = (number, digits = 3) => String(Number(number.toPrecision(digits)));
const shortOf = (name, number) => short(number, ACCURACIES.includes(name) ? 4 : 3);
const unitOf = (axis) => (["price_per_hour", "cost_per_million"].includes(axis.name) ? `${currency} ${axis.unit}` : axis.unit);

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, content] of Object.entries(attributes)) if (content !== null) made.setAttribute(key, content);
  made.append(...children);
  return made;
};

const state = {sort: "", page: 1, columns: null};
let view = {rows: [], front: new Set(), group: []};

// ---- choices of a group, of those that fit, and their front

const rowsOf = (benchmark, scenario, runtime) => {
  const found = [];
  for (let row = 0; row < columns.benchmark.rows.length; row += 1) {
    if (text("benchmark", row) === benchmark && text("scenario", row) === scenario && text("runtime", row) === runtime) found.push(row);
  }
  return found;
};

const axesIn = (rows) => axes.filter((axis) => rows.some((row) => known(axis.name, row)));

const bounds = () => axes.flatMap((axis) => {
  const input = field(`bound_${axis.name}`);
  if (!input || input.value === "" || !Number.isFinite(Number(input.value))) return [];
  return [{axis, bound: Number(input.value)}];
});

const fits = ({axis, bound}, row) => known(axis.name, row) && (axis.less ? value(axis.name, row) <= bound : value(axis.name, row) >= bound);

const inWords = ({axis, bound}) => `${axis.less ? "at most" : "at least"} ${short(bound, 6)} ${boundUnit(axis)}`;
const boundUnit = (axis) => (axis.unit === "%" ? `% ${axis.label}` : axis.name === "cores" ? "cores" : axis.name === "peak_memory_bytes" ? "MB of memory" : unitOf(axis));

const sign = (name) => (FOLLOWED[name].less ? 1 : -1);

function frontOf(rows, names) {
  const signs = names.map(sign);
  const points = rows.filter((row) => names.every((name) => known(name, row)))
    .map((row) => ({row, values: names.map((name, place) => signs[place] * value(name, row))}))
    .sort((one, other) => {
      for (let place = 0; place < names.length; place += 1) {
        if (one.values[place] !== other.values[place]) return one.values[place] - other.values[place];
      }
      return one.row - other.row;
    });
  const front = [];
  for (const point of points) {
    // Equal points stand side by side; any other that is as good everywhere is better somewhere.
    const beaten = names.length === 2
      ? front.length && front[front.length - 1].values[1] <= point.values[1] && !equal(front[front.length - 1], point)
      : front.some((each) => each.values.every((own, place) => own <= point.values[place]) && !equal(each, point));
    if (!beaten) front.push(point);
  }
  return front.map((point) => point.row);
}
const equal = (one, other) => one.values.every((own, place) => own === other.values[place]);

// ---- wishes and the address

const SEPARATOR = ",";
const fillSelect = (select, options, chosen) => {
  select.replaceChildren(...options.map(([name, label]) => element("option", {value: name}, label)));
  select.value = options.some(([name]) => name === chosen) ? chosen : options.length ? options[0][0] : "";
  select.closest(".wish").hidden = options.length < 2 && select.name !== "sort" && select.name !== "z";
};

const distinct = (names) => [...new Set(names)].map((name) => [name, name]);

function fillWishes(wish) {
  fillSelect(field("benchmark"), distinct(groups.map((group) => group[0])), wish("benchmark"));
  const ofBenchmark = groups.filter((group) => group[0] === field("benchmark").value);
  fillSelect(field("scenario"), distinct(ofBenchmark.map((group) => group[1])), wish("scenario"));
  const ofScenario = ofBenchmark.filter((group) => group[1] === field("scenario").value);
  fillSelect(field("runtime"), distinct(ofScenario.map((group) => group[2])), wish("runtime"));
  view.group = rowsOf(field("benchmark").value, field("scenario").value, field("runtime").value);
  const here = axesIn(view.group);
  const options = here.map((axis) => [axis.name, axis.unit ? `${axis.label} (${unitOf(axis)})` : axis.label]);
  const first = (names) => names.find((name) => here.some((axis) => axis.name === name)) ?? "";
  fillSelect(field("x"), options, wish("x") || first(SPEEDS));
  const rest = options.filter(([name]) => name !== field("x").value);
  fillSelect(field("y"), rest, wish("y") || first(ACCURACIES) || first(["cores"]));
  const third = rest.filter(([name]) => name !== field("y").value);
  fillSelect(field("z"), [["", "none"], ...third], wish("z") ?? "");
  const sorts = here.map((axis) => [axis.name, axis.label]);
  fillSelect(field("sort"), sorts, sorts.some(([name]) => name === state.sort) ? state.sort : wish("sort") || field("x").value);
  for (const axis of axes) {
    const input = field(`bound_${axis.name}`);
    input.closest(".wish").hidden = !here.includes(axis);
    if (!here.includes(axis)) input.value = "";
  }
  for (const origin of ["published", "predicted"]) {
    field(origin).closest(".wish").hidden = !view.group.some((row) => text("origin", row) === origin);
  }
}

function readAddress() {
  const query = new URL(location.href).searchParams;
  for (const axis of axes) field(`bound_${axis.name}`).value = query.get(`${axis.less ? "most" : "least"}_${axis.name}`) ?? "";
  field("q").value = query.get("q") ?? "";
  field("rows").value = ["25", "100", "500"].includes(query.get("rows")) ? query.get("rows") : "25";
  const without = (query.get("without") ?? "").split(SEPARATOR);
  for (const origin of ["published", "predicted"]) field(origin).checked = !without.includes(origin);
  state.sort = query.get("sort") ?? "";
  state.page = Math.max(1, Math.floor(Number(query.get("page"))) || 1);
  state.columns = query.has("columns") ? query.get("columns").split(SEPARATOR) : null;
  fillWishes((name) => query.get(name));
}

function writeAddress() {
  const query = new URLSearchParams();
  const [first] = groups;
  ["benchmark", "scenario", "runtime"].forEach((name, place) => {
    if (field("benchmark").value !== first[0] || field("scenario").value !== first[1] || field("runtime").value !== first[2]) query.set(name, field(name).value || groups[0][place]);
  });
  const names = axesIn(view.group).map((axis) => axis.name);
  const usual = {x: SPEEDS.find((name) => names.includes(name)), y: ACCURACIES.find((name) => names.includes(name)) ?? "cores", z: ""};
  for (const [name, otherwise] of Object.entries(usual)) if (field(name).value !== otherwise) query.set(name, field(name).value);
  for (const {axis, bound} of bounds()) query.set(`${axis.less ? "most" : "least"}_${axis.name}`, String(bound));
  if (field("q").value) query.set("q", field("q").value);
  const without = ["published", "predicted"].filter((origin) => !field(origin).checked);
  if (without.length) query.set("without", without.join(SEPARATOR));
  if (state.sort && state.sort !== field("x").value) query.set("sort", state.sort);
  if (state.page > 1) query.set("page", String(state.page));
  if (field("rows").value !== "25") query.set("rows", field("rows").value);
  if (state.columns) query.set("columns", state.columns.join(SEPARATOR));
  const address = new URL(location.href);
  address.search = query.toString();
  history.replaceState(null, "", address);
}

// ---- the order of the table

const TEXTS = {cpu: "CPU", model: "model", state: "state", origin: "origin"};
const COUNTS = {contributors: "contributors", machines: "machines"};
const allColumns = () => ["cpu", "model", ...axesIn(view.group).map((axis) => axis.name), "state", "contributors", "machines", "origin"];
const usualColumns = () => ["cpu", "model", field("x").value, field("y").value, ...(field("z").value ? [field("z").value] : []), "state", "contributors"];
const shownColumns = () => allColumns().filter((name) => (state.columns ?? usualColumns()).includes(name));

const sortName = () => state.sort.replace(/^-/, "") || field("x").value;

function ordered(rows) {
  const name = sortName();
  const backwards = state.sort.startsWith("-") ? -1 : 1;
  const key = FOLLOWED[name] ? (row) => (known(name, row) ? sign(name) * value(name, row) : null)
    : name === "state" ? (row) => BEST_FIRST.indexOf(text("state", row))
      : name in COUNTS ? (row) => -columns[name][row]
        : (row) => text(name, row).toLowerCase();
  const keys = new Map(rows.map((row) => [row, key(row)]));
  return [...rows].sort((one, other) => {
    const [mine, theirs] = [keys.get(one), keys.get(other)];
    if (mine === null || theirs === null) return (mine === null) - (theirs === null) || one - other;
    if (mine === theirs) return one - other;
    return (mine < theirs ? -1 : 1) * backwards;
  });
}

// ---- the sentence

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function factsOf(row) {
  const parts = [];
  const speed = SPEEDS.find((name) => known(name, row));
  for (const name of [speed, ...ACCURACIES, sortName()]) {
    if (name && FOLLOWED[name] && known(name, row) && !parts.some((part) => part.name === name)) {
      const axis = FOLLOWED[name];
      parts.push({name, words: `${shortOf(name, value(name, row))} ${boundUnit(axis)}`});
    }
  }
  const words = parts.map((part) => part.words);
  if (text("origin", row) === "measured") words.push(plural(columns.contributors[row], "independent contributor"), text("state", row));
  else words.push(text("origin", row));
  return words.join(", ");
}

function sentence(wishes) {
  const subject = [field("benchmark").value, field("scenario").value, field("runtime").value].join(", ");
  const wish = wishes.map(inWords).join(" and ");
  const where = `${subject}${wish ? `, with ${wish}` : ""}`;
  if (!view.rows.length) return `For ${where}, nothing fits of ${plural(view.group.length, "choice")}.${nearest(wishes)}`;
  const name = FOLLOWED[sortName()] ? sortName() : field("x").value;
  const measured = view.fitting.filter((row) => known(name, row));
  const [best] = [...measured].sort((one, other) =>
    (text("origin", one) === "predicted") - (text("origin", other) === "predicted") || sign(name) * (value(name, one) - value(name, other)));
  const cpus = new Set(view.rows.map((row) => text("cpu", row))).size;
  const front = new Set([...view.front].map((row) => text("cpu", row))).size;
  const answer = best === undefined ? `For ${where}, ${plural(view.rows.length, "choice")} fit`
    : `For ${where}, the ${FOLLOWED[name].best} ${ORIGINS[text("origin", best)]} is ${text("cpu", best)} with ${text("model", best)} (${factsOf(best)})`;
  return `${answer}; ${front} of ${plural(cpus, "CPU")} ${front === 1 ? "is" : "are"} on the front.`;
}

function nearest(wishes) {
  const miss = (row) => wishes.reduce((sum, {axis, bound}) =>
    sum + (known(axis.name, row) ? Math.max(0, sign(axis.name) * (value(axis.name, row) - bound)) / (Math.abs(bound) || 1) : Infinity), 0);
  let [best, least] = [null, Infinity];
  for (const row of view.group) {
    const missed = miss(row);
    if (missed > 0 && missed < least) [best, least] = [row, missed];
  }
  if (best === null) return "";
  const missed = wishes.filter((wish) => !fits(wish, best)).map(inWords).join(" and ");
  return ` The nearest is ${text("cpu", best)} with ${text("model", best)} (${factsOf(best)}), which misses ${missed}.`;
}

// ---- the table

const link = (kind, row) => element("a", {href: pages[kind][columns[kind].rows[row]]}, text(kind, row));

function cell(name, row) {
  if (name === "cpu" || name === "model") return element("td", {role: "cell", class: name}, link(name, row));
  if (name === "state") {
    const shown = text("origin", row) === "measured" ? text("state", row) : text("origin", row);
    return element("td", {role: "cell", class: "standing"}, element("span", {class: `state ${shown}`}, shown));
  }
  if (name === "origin") return element("td", {role: "cell", class: "origin"}, text("origin", row));
  const made = element("td", {role: "cell", class: `number ${name}`});
  if (name in COUNTS) made.append(text("origin", row) === "measured" ? String(columns[name][row]) : "");
  else if (known(name, row)) {
    made.append(shortOf(name, value(name, row)));
    const {low, high} = numbers[name];
    if (low[row] !== null) made.append(" ", element("span", {class: "reach"}, `${shortOf(name, low[row])} to ${shortOf(name, high[row])}`));
  }
  const axis = FOLLOWED[name];
  made.dataset.unit = axis ? boundUnit(axis) : COUNTS[name];
  return made;
}

function head(name) {
  const axis = FOLLOWED[name];
  const label = axis ? (axis.unit ? `${axis.label}, ${unitOf(axis)}` : axis.label) : TEXTS[name] ?? COUNTS[name];
  const sorted = sortName() === name;
  const button = element("button", {type: "button", "data-sort": name}, label);
  const direction = state.sort.startsWith("-") === Boolean(axis ? axis.less : !(name in COUNTS)) ? "descending" : "ascending";
  return element("th", {scope: "col", role: "columnheader", class: axis || name in COUNTS ? "number" : null, "aria-sort": sorted ? direction : null}, button);
}

function drawTable() {
  const rows = Number(field("rows").value);
  const last = Math.max(1, Math.ceil(view.rows.length / rows));
  state.page = Math.min(state.page, last);
  const start = (state.page - 1) * rows;
  const names = shownColumns();
  const body = element("tbody", {role: "rowgroup"}, ...view.rows.slice(start, start + rows).map((row, place) =>
    element("tr", {role: "row", id: `choice-${row}`, "data-row": row, class: `${text("origin", row)}${view.front.has(row) ? " best" : ""}`},
      element("td", {role: "cell", class: "number rank"}, String(start + place + 1)), ...names.map((name) => cell(name, row)))));
  const heads = element("thead", {role: "rowgroup"}, element("tr", {role: "row"}, element("th", {scope: "col", role: "columnheader", class: "number"}, "rank"), ...names.map(head)));
  const table = element("table", {class: "choices board", role: "table", "aria-label": "Ranked choices"}, heads, body);
  const shown = view.rows.length ? `${start + 1} to ${Math.min(start + rows, view.rows.length)} of ${plural(view.rows.length, "choice")}` : "no choice";
  const pager = element("p", {class: "pager"}, element("span", {id: "shown", "aria-live": "polite"}, shown));
  if (last > 1) {
    for (const [label, page] of [["Previous", state.page - 1], ["Next", state.page + 1]]) {
      const button = element("button", {type: "button", "data-page": page}, label);
      button.disabled = page < 1 || page > last;
      pager.append(" ", button);
    }
  }
  const focused = document.activeElement?.closest?.("#ranked button");
  document.getElementById("ranked").replaceChildren(element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Table"}, table), pager);
  if (focused) {
    const again = focused.dataset.sort ? `[data-sort="${focused.dataset.sort}"]` : `.pager button:nth-of-type(${focused.textContent === "Next" ? 2 : 1})`;
    document.querySelector(`#ranked ${again}`)?.focus();
  }
  drawColumns();
}

function drawColumns() {
  const names = new Set(shownColumns());
  const box = document.getElementById("columns");
  const focused = document.activeElement?.name === "column" ? document.activeElement.value : null;
  box.replaceChildren(...allColumns().map((name) => {
    const tick = element("input", {type: "checkbox", name: "column", value: name});
    tick.checked = names.has(name);
    return element("label", {}, tick, ` ${FOLLOWED[name]?.label ?? TEXTS[name] ?? COUNTS[name]}`);
  }));
  if (focused) box.querySelector(`[value="${focused}"]`)?.focus();
}

// ---- the picture

let chart = null;

function kindOf(name, rows) {
  if (ACCURACIES.includes(name)) return "linear";
  const found = rows.map((row) => value(name, row));
  const [low, high] = [found.reduce((one, other) => Math.min(one, other), Infinity), found.reduce((one, other) => Math.max(one, other), 0)];
  return low > 0 && high / low > 3 ? "log" : "linear";
}

const scaleOf = (name, rows, label) => {
  const type = kindOf(name, rows);
  const rounded = (number) => ["1", "2", "5"].includes(String(Number(number.toExponential(0).split("e")[0])));
  const written = (number) => (rounded(number) ? short(number) : "");
  return {type, label, grid: true, nice: true, ...(type === "log" ? {tickFormat: written} : {})};
};

function drawPicture() {
  const figure = document.getElementById("picture");
  const [x, y, z] = [field("x").value, field("y").value, field("z").value];
  const rows = x && y ? view.rows.filter((row) => known(x, row) && known(y, row) && (!z || known(z, row))) : [];
  const caption = document.getElementById("picture-words");
  if (!rows.length) {
    figure.querySelector(".drawing").replaceChildren();
    caption.textContent = "No choice has values for both axes.";
    chart = null;
    return;
  }
  const points = rows.map((row) => ({row, x: value(x, row), y: value(y, row), z: z ? value(z, row) : null, origin: text("origin", row), state: text("state", row), best: view.front.has(row)}));
  const front = points.filter((point) => point.best).sort((one, other) => one.x - other.x || one.y - other.y);
  const barred = points.length > MOST_BARS ? front : points;
  const bars = (name) => barred.filter(({row}) => numbers[name].low[row] !== null);
  const label = (name) => `${FOLLOWED[name].label}${FOLLOWED[name].unit ? `, ${unitOf(FOLLOWED[name])}` : ""}`;
  const width = Math.max(300, figure.clientWidth);
  const strong = (point) => (point.best ? "var(--front)" : "var(--soft)");
  const dot = {x: "x", y: "y", r: z ? "z" : (point) => (point.best ? 5 : 3.5), stroke: strong, fill: (point) => (point.origin === "predicted" ? "var(--page)" : strong(point)),
    fillOpacity: (point) => (point.origin === "predicted" || point.state === "replicated" ? 1 : 0.45), symbol: (point) => (point.origin === "published" ? "square" : "circle")};
  const line = z ? [] : [Plot.line(front, {x: "x", y: "y", curve: sign(x) > 0 ? "step-after" : "step-before", stroke: "var(--front)", strokeWidth: 1.5})];
  chart = Plot.plot({
    className: "board-plot", width, height: Math.round(Math.min(480, Math.max(280, width * 0.66))), marginLeft: 56, marginBottom: 44,
    ariaLabel: `${label(y)} against ${label(x)}; the table has the same values`,
    x: scaleOf(x, rows, label(x)), y: scaleOf(y, rows, label(y)),
    r: z ? {range: [2, 10], type: "sqrt"} : {type: "identity"},
    marks: [
      Plot.ruleY(bars(x), {x1: (point) => numbers[x].low[point.row], x2: (point) => numbers[x].high[point.row], y: "y", stroke: strong, strokeOpacity: 0.5}),
      Plot.ruleX(bars(y), {y1: (point) => numbers[y].low[point.row], y2: (point) => numbers[y].high[point.row], x: "x", stroke: strong, strokeOpacity: 0.5}),
      ...line,
      Plot.dot(points.filter((point) => !point.best), dot),
      Plot.dot(front, dot),
      Plot.tip(points, Plot.pointer({x: "x", y: "y", title: (point) => `${text("model", point.row)}\n${text("cpu", point.row)}\n${factsOf(point.row)}`, fill: "var(--page)", stroke: "var(--soft)"})),
    ],
  });
  chart.addEventListener("input", () => light(chart.value ? chart.value.row : null));
  chart.addEventListener("click", () => chart.value && showRow(chart.value.row));
  chart.setAttribute("role", "img");
  // Groups of marks have no role that may bear a label.
  for (const group of chart.querySelectorAll("g[aria-label]")) {
    group.dataset.marks = group.getAttribute("aria-label");
    group.removeAttribute("aria-label");
  }
  figure.querySelector(".drawing").replaceChildren(chart);
  const names = [label(y), label(x), ...(z ? [label(z)] : [])];
  caption.textContent = `${names.slice(0, 2).join(" against ")}${z ? `; larger marks have more ${FOLLOWED[z].label}` : ""}. ${plural(points.length, "choice")}, ${front.length} on the front${z ? " of all three" : " (the line)"}: no other is better in each. Hollow marks are predicted, squares published, full ones replicated; bars are intervals.`;
}

// A row and its mark light each other.
let lit = null;
function light(row) {
  document.querySelector("#ranked tr.lit")?.classList.remove("lit");
  chart?.querySelector(".lit-mark")?.remove();
  lit = row;
  if (row === null) return;
  document.getElementById(`choice-${row}`)?.classList.add("lit");
  const [x, y] = [field("x").value, field("y").value];
  if (!chart || !known(x, row) || !known(y, row)) return;
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  const places = {class: "lit-mark", "data-row": row, cx: chart.scale("x").apply(value(x, row)), cy: chart.scale("y").apply(value(y, row)), r: 9};
  for (const [key, content] of Object.entries(places)) ring.setAttribute(key, content);
  chart.append(ring);
}

function showRow(row) {
  const place = view.rows.indexOf(row);
  if (place < 0) return;
  state.page = 1 + Math.floor(place / Number(field("rows").value));
  drawTable();
  writeAddress();
  const found = document.getElementById(`choice-${row}`);
  found.scrollIntoView({block: "center"});
  found.querySelector("a").focus({preventScroll: true});
  light(row);
}

// ---- all together

function follow() {
  const wishes = bounds();
  const words = field("q").value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (row) => {
    const own = `${text("cpu", row)} ${text("model", row)} ${text("state", row)} ${text("origin", row)}`.toLowerCase();
    return words.every((word) => own.includes(word));
  };
  view.fitting = view.group.filter((row) => wishes.every((wish) => fits(wish, row))
    && !["published", "predicted"].some((origin) => text("origin", row) === origin && !field(origin).checked));
  const found = words.length ? view.fitting.filter(matches) : view.fitting;
  view.fitting = found;
  view.rows = ordered(found);
  const names = [field("x").value, field("y").value, field("z").value].filter(Boolean);
  view.front = new Set(names.length > 1 ? frontOf(found, names) : []);
  document.getElementById("answer").textContent = sentence(wishes);
  const [, , , page] = groups.find((group) => ["benchmark", "scenario", "runtime"].every((name, place) => group[place] === field(name).value));
  document.getElementById("whole-ranking").href = page;
  drawTable();
  drawPicture();
  writeAddress();
}

form.addEventListener("submit", (event) => event.preventDefault());
const wished = ({target}) => {
  const {name} = target;
  if (name === "column") {
    state.columns = [...form.querySelectorAll("[name=column]:checked")].map((tick) => tick.value);
    drawTable();
    writeAddress();
    return;
  }
  if (name === "sort") state.sort = field("sort").value;
  state.page = 1;
  if (["benchmark", "scenario", "runtime"].includes(name)) {
    state.sort = "";
    state.columns = null;
    fillWishes((each) => (["benchmark", "scenario", "runtime"].includes(each) ? field(each).value : ""));
  } else if (["x", "y", "z", "sort"].includes(name)) fillWishes((each) => field(each).value);
  follow();
};
form.addEventListener("input", (event) => event.target.matches("select") || wished(event));
form.addEventListener("change", (event) => event.target.matches("select") && wished(event));
document.getElementById("clear").addEventListener("click", () => {
  form.reset();
  Object.assign(state, {sort: "", page: 1, columns: null});
  fillWishes(() => "");
  follow();
});
const ranked = document.getElementById("ranked");
ranked.addEventListener("click", (event) => {
  const {sort, page} = event.target.dataset;
  if (sort) {
    state.sort = sortName() === sort && !state.sort.startsWith("-") ? `-${sort}` : sort;
    state.page = 1;
    if (FOLLOWED[sort]) field("sort").value = sort;
    follow();
  } else if (page) {
    state.page = Number(page);
    drawTable();
    writeAddress();
  }
});
for (const [event, on] of [["pointerover", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
  ranked.addEventListener(event, ({target}) => {
    const row = on ? target.closest("tr[data-row]") : null;
    if (row ? Number(row.dataset.row) !== lit : lit !== null && !on) light(row ? Number(row.dataset.row) : null);
  });
}

let drawnWidth = 0;
new ResizeObserver(() => {
  const width = document.getElementById("picture").clientWidth;
  if (drawnWidth && Math.abs(width - drawnWidth) > 8) drawPicture();
  drawnWidth = width;
}).observe(document.getElementById("picture"));

form.hidden = false;
const folded = ["x", "y", "z", "columns", "rows", "without", ...axes.filter(({name}) => field(`bound_${name}`).closest("#more")).map((axis) => `${axis.less ? "most" : "least"}_${axis.name}`)];
document.getElementById("more").open = folded.some((name) => new URL(location.href).searchParams.has(name));
document.getElementById("answer").setAttribute("aria-live", "polite");
readAddress();
follow();
performance.mark("interactive");
