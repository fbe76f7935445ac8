"use strict";
// Two CPUs, machines or results head to head. The statistics are those of measurements/equivalence.py, which the tests
// hold this script to.

const RISK = 0.05;
const MARGIN = 0.1;
const POOL_DEGREES = 12;
const LEAST_SD = 1e-4;

function studentTail(value, degrees) {
  const angle = Math.atan(value / Math.sqrt(degrees));
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const odd = degrees % 2 === 1;
  let [term, total] = [odd ? cosine : 1, 0];
  for (let step = odd ? 3 : 2; step <= degrees; step += 2) {
    total += term;
    term *= (cosine ** 2 * (step - 1)) / step;
  }
  const area = odd ? (2 / Math.PI) * (angle + sine * total) : sine * total;
  return (1 - area) / 2;
}

function studentQuantile(risk, degrees) {
  let [low, high] = [0, 1];
  while (studentTail(high, degrees) > risk) high *= 2;
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    if (studentTail(middle, degrees) > risk) low = middle;
    else high = middle;
  }
  return high;
}

const mean = (values) => values.reduce((sum, each) => sum + each, 0) / values.length;

function noiseOf(sides) {
  let [squares, degrees] = [0, 0];
  for (const runs of sides) {
    const logs = runs.map(Math.log);
    const middle = mean(logs);
    squares += logs.reduce((sum, each) => sum + (each - middle) ** 2, 0);
    degrees += logs.length - 1;
  }
  return {squares, degrees};
}

function compareRuns(pairs) {
  const noises = pairs.map(noiseOf);
  const all = noises.reduce((sum, each) => ({squares: sum.squares + each.squares, degrees: sum.degrees + each.degrees}), {squares: 0, degrees: 0});
  const estimates = pairs.map(([then, now], place) => {
    const logRatio = mean(now.map(Math.log)) - mean(then.map(Math.log));
    const {squares, degrees} = noises[place];
    const weight = Math.min(POOL_DEGREES, all.degrees - degrees);
    const others = all.degrees > degrees ? (all.squares - squares) / (all.degrees - degrees) : 0;
    const sd = all.degrees ? Math.max(Math.sqrt((squares + weight * others) / (degrees + weight)), LEAST_SD) : null;
    return {logRatio, sd, degrees: degrees + weight, error: (sd ?? 0) * Math.sqrt(1 / then.length + 1 / now.length)};
  });
  const margin = Math.log1p(MARGIN);
  const chances = estimates.map((each) => (each.sd === null ? 1 : studentTail((Math.abs(each.logRatio) - margin) / each.error, each.degrees)));
  const order = [...chances.keys()].sort((one, other) => chances[one] - chances[other]);
  const differs = new Set();
  for (const [rank, place] of order.entries()) {
    if (chances[place] > RISK / (order.length - rank)) break;
    differs.add(place);
  }
  return estimates.map((each, place) => {
    const ratio = Math.exp(each.logRatio);
    if (each.sd === null) return {verdict: "inconclusive", ratio, interval: null};
    const reach = studentQuantile(RISK, each.degrees) * each.error;
    const interval = [Math.exp(each.logRatio - reach), Math.exp(each.logRatio + reach)];
    const verdict = differs.has(place) ? "not reproduced" : Math.abs(each.logRatio) + reach < margin ? "reproduced" : "inconclusive";
    return {verdict, ratio, interval};
  });
}

const VERDICTS = {reproduced: "the same", "not reproduced": "different", inconclusive: "cannot be told"};

function timesOf(side) {
  const [kind, name] = [side.slice(0, side.indexOf(":")), side.slice(side.indexOf(":") + 1)];
  const times = new Map();
  for (let row = 0; row < RESULTS.id.length; row += 1) {
    const own = kind === "result" ? RESULTS.id[row] : kind === "cpu" || kind === "machine" ? RESULTS[kind].texts[RESULTS[kind].rows[row]] : null;
    if (own === name) {
      const subject = RESULTS.subject.rows[row];
      if (!times.has(subject)) times.set(subject, []);
      times.get(subject).push(RESULTS.ms[row]);
    }
  }
  return times;
}

const middleOf = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

function headToHead(first, second) {
  const [mine, theirs] = [timesOf(first), timesOf(second)];
  const common = [...mine.keys()].filter((subject) => theirs.has(subject));
  const found = compareRuns(common.map((subject) => [mine.get(subject), theirs.get(subject)]));
  return common.map((subject, place) => ({
    subject: RESULTS.subject.texts[subject].split("\t"), first: middleOf(mine.get(subject)), second: middleOf(theirs.get(subject)), ...found[place],
  }));
}

const versusForm = document.getElementById("versus");
const shortName = (side) => side.slice(side.indexOf(":") + 1);
const inFigures = (number) => String(Number(number.toPrecision(3)));

function showVersus() {
  const [first, second] = ["a", "b"].map((name) => `${versusForm.elements[`${name}_kind`].value}:${versusForm.elements[name].value.trim()}`);
  const address = new URL(location.href);
  address.searchParams.set("a", first);
  address.searchParams.set("b", second);
  history.replaceState(null, "", address);
  const words = document.getElementById("versus-words");
  const body = document.getElementById("versus-rows");
  body.closest(".scroll").hidden = true;
  if (!shortName(first) || !shortName(second)) {
    words.textContent = "Choose two sides.";
    return;
  }
  const rows = headToHead(first, second);
  if (!rows.length) {
    words.textContent = `${shortName(first)} and ${shortName(second)} have no benchmark, scenario, runtime and model in common.`;
    return;
  }
  const count = (verdict) => rows.filter((row) => row.verdict === verdict).length;
  const ratio = Math.exp(mean(rows.map((row) => Math.log(row.ratio))));
  words.textContent = `${shortName(second)} takes ${inFigures(ratio)} times as long as ${shortName(first)}, on ${rows.length} in common: ${count("not reproduced")} differ by more than 10 %, ${count("reproduced")} are the same within 10 %, ${count("inconclusive")} cannot be told.`;
  document.getElementById("versus-first").textContent = `${shortName(first)}, ms`;
  document.getElementById("versus-second").textContent = `${shortName(second)}, ms`;
  body.replaceChildren(...rows.map((row) => {
    const made = document.createElement("tr");
    const reach = row.interval ? `${inFigures(row.interval[0])} to ${inFigures(row.interval[1])}` : "unknown: single runs";
    const cells = [row.subject[3], row.subject.slice(0, 3).join(", "), inFigures(row.first), inFigures(row.second), inFigures(row.ratio), reach, VERDICTS[row.verdict]];
    cells.forEach((text, place) => {
      const cell = made.insertCell();
      cell.textContent = text;
      if (place > 1 && place < 6) cell.className = "number";
    });
    return made;
  }));
  body.closest(".scroll").hidden = false;
}

function startVersus() {
  for (const kind of ["cpu", "machine"]) {
    document.getElementById(`every-${kind}`).replaceChildren(...RESULTS[kind].texts.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }));
  }
  const query = new URL(location.href).searchParams;
  for (const name of ["a", "b"]) {
    const side = query.get(name) ?? "cpu:";
    const kind = side.slice(0, side.indexOf(":"));
    if (["cpu", "machine", "result"].includes(kind)) {
      versusForm.elements[`${name}_kind`].value = kind;
      versusForm.elements[name].value = shortName(side);
    }
    const choose = () => {
      const chosen = versusForm.elements[`${name}_kind`].value;
      if (chosen === "result") versusForm.elements[name].removeAttribute("list");
      else versusForm.elements[name].setAttribute("list", `every-${chosen}`);
    };
    versusForm.elements[`${name}_kind`].addEventListener("change", choose);
    choose();
  }
  versusForm.hidden = false;
  versusForm.addEventListener("submit", (event) => event.preventDefault());
  versusForm.addEventListener("change", showVersus);
  showVersus();
}
startVersus();
