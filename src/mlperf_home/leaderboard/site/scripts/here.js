"use strict";
// "You are here": a measurement that is pasted or chosen, among those of a CPU's contributors. It stays in the browser.

const MOST_BYTES = 4 << 20;
const hereForm = document.getElementById("here");
const strips = [...document.querySelectorAll("tr[data-times]")].map((row) => ({
  row, benchmark: row.dataset.benchmark, scenario: row.dataset.scenario, runtime: row.dataset.runtime,
  names: row.dataset.names.split("|"), times: row.dataset.times.split(",").map(Number),
}));
const runtimes = JSON.parse(hereForm.dataset.runtimes);

const numberOf = (values, name) => {
  const found = values?.[name]?.value;
  return typeof found === "number" && Number.isFinite(found) && found > 0 ? found : null;
};

function timeOf(values) {
  const rate = numberOf(values, "samples_per_second") ?? numberOf(values, "queries_per_second");
  return numberOf(values, "latency_ms") ?? (rate === null ? null : 1000 / rate);
}

function stripOf(measurement) {
  const engine = String(measurement.engine?.name?.value);
  const runtime = Object.hasOwn(runtimes, engine) ? runtimes[engine] : engine;
  return strips.find((each) => each.benchmark === measurement.benchmark && each.scenario === measurement.scenario
    && each.runtime === runtime && each.names.includes(String(measurement.model?.name?.value)));
}

function mark(strip, time) {
  const svg = strip.row.querySelector("svg");
  svg.querySelector(".here")?.remove();
  const [low, high] = [strip.times[0], strip.times[strip.times.length - 1]].map(Math.log);
  const share = (Math.log(time) - low) / Math.max(high - low, Math.log(1.02));
  const width = svg.viewBox.baseVal.width;
  const place = 6 + Math.min(1, Math.max(0, share)) * (width - 12);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("class", "here");
  path.setAttribute("d", `M${place - 5} 0H${place + 5}L${place} 9Z`);
  svg.append(path);
  strip.row.classList.add("lit");
}

function place(measurement) {
  const name = String(measurement?.model?.name?.value ?? "it");
  const time = timeOf(measurement?.values);
  if (time === null) return `${name}: it has no latency and no rate; paste the text of a measurement.json.`;
  const strip = stripOf(measurement);
  if (!strip) return `${name}: nobody has measured this model, scenario and runtime on this CPU; send it with cm run script --tags=send,bundle.`;
  const slower = strip.times.filter((each) => each > time).length;
  mark(strip, time);
  return `${name}: ${Number(time.toPrecision(3))} ms, faster than ${Math.round((100 * slower) / strip.times.length)} % of ${strip.row.dataset.count} results.`;
}

function read(text, source) {
  if (text.length > MOST_BYTES) return [`${source} has more than 4 MiB.`];
  try {
    const document = JSON.parse(text);
    return (Array.isArray(document) ? document : [document]).slice(0, 1000).map(place);
  } catch {
    return [`${source} is not JSON; use the measurement.json of a result.`];
  }
}

function answer(lines) {
  const list = document.getElementById("here-answer");
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

hereForm.hidden = false;
hereForm.addEventListener("submit", (event) => event.preventDefault());
hereForm.elements.pasted.addEventListener("input", (event) => answer(event.target.value.trim() ? read(event.target.value, "The text") : []));
hereForm.elements.chosen.addEventListener("change", async (event) => {
  const files = [...event.target.files].slice(0, 1000);
  const lines = await Promise.all(files.map(async (file) => (file.size > MOST_BYTES ? [`${file.name} has more than 4 MiB.`] : read(await file.text(), file.name))));
  answer(lines.flat());
});
