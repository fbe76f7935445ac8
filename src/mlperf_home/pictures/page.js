"use strict";
// The page of a picture: the sentence, filters, chart and table of the marks in #picture; Plotly draws the chart.
(() => {
  const picture = JSON.parse(document.getElementById("picture").textContent);
  const element = (id) => document.getElementById(id);
  const chart = element("chart");
  const [MOST_LABELS, MOST_ROWS, MANY_CHOICES, MANY_MARKS] = [24, 500, 6, 800];
  const narrow = () => window.innerWidth < 640;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const hidden = {}; // By filter: the values that are switched off.
  const log = { x: picture.marks.every((mark) => mark.x > 0), y: false };
  const table = { by: "x", down: false, all: false };
  let searched = "";

  const where = (mark) => (mark.imported ? "imported" : "this machine");
  const filters = { measured: where, system: (mark) => mark.system, "front of": (mark) => mark.front };
  for (const fact of ["family", "precision", "resolution", "engine", "scenario", "round"]) {
    filters[fact] = (mark) => mark.facts[fact] || "unknown";
  }
  const distinct = (values) => [...new Set(values)].sort((left, right) => left.localeCompare(right, "en", { numeric: true }));
  const kinds = (name) => distinct(picture.marks.map(filters[name]));

  // One colour for each machine, family, or place; picture.shades has the groups of each with colours of their own.
  const shades = {
    system: filters.system,
    family: (mark) => filters.family(mark).replace(/-lite\d$/, "-lite"),
    measured: where,
  };
  const colourings = Object.keys(shades).filter((name) => picture.shades[name].length > 1);
  let colouring = picture.shade;

  const groups = () => picture.shades[colouring];
  const groupOf = (mark, names) => (names.includes(shades[colouring](mark)) ? shades[colouring](mark) : "others");
  const colourOf = (group, names) => {
    const palette = picture.palettes[dark.matches ? "dark" : "light"];
    return group === "others" ? palette[palette.length - 1] : palette[names.indexOf(group)];
  };
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const rounded = (value, digits = 6) => Number(value.toPrecision(digits)).toString();
  const bounds = (interval, digits, of = "") =>
    interval ? ` (${interval.map((end) => rounded(end, digits)).join(" to ")}${of})` : "";
  const value = (mark, axis, digits) => `${rounded(mark[axis], digits)} ${picture.units[axis]}`.trim();
  const better = (axis) => (picture[axis].direction === "min" ? "less" : "more");

  function hover(mark) {
    const rows = [
      `<b>${escaped(mark.name)}</b>`,
      ...(mark.sample ? [picture.sample_words] : []),
      `${escaped(picture.words.x)}: ${rounded(mark.x)}${bounds(mark.x_interval, 6, ", this session")}`,
      `${escaped(picture.words.y)}: ${rounded(mark.y)}${bounds(mark.y_interval, 6, ", this session")}`,
      `${mark.imported ? "imported: " : ""}${escaped(mark.system)}`,
      `front of: ${escaped(mark.front)}`,
      ...(mark.judged ? [`judged by the race: ${escaped(mark.judged)}`] : []),
      ...Object.entries(mark.facts).map(([name, text]) => `${escaped(name)}: ${escaped(text)}`),
    ];
    return rows.join("<br>");
  }

  function visible(mark) {
    const names = `${mark.name} ${mark.system}`.toLowerCase();
    return (
      names.includes(searched) &&
      Object.entries(filters).every(([name, of]) => !(hidden[name] && hidden[name].has(of(mark))))
    );
  }

  function errors(marks, axis) {
    const key = `${axis}_interval`;
    if (!marks.some((mark) => mark[key])) return undefined;
    const side = (place, sign) => marks.map((mark) => (mark[key] ? sign * (mark[key][place] - mark[axis]) : 0));
    return { type: "data", symmetric: false, array: side(1, 1), arrayminus: side(0, -1), thickness: 1, width: 3 };
  }

  // The front of each kind over the marks that are shown: sorted by x, each better in y than all before it.
  function fronts(marks) {
    const sign = (axis) => (picture[axis].direction === "min" ? 1 : -1);
    const [x, y] = [(mark) => sign("x") * mark.x, (mark) => sign("y") * mark.y];
    const lines = new Map();
    for (const mark of [...marks].sort((left, right) => x(left) - x(right) || y(left) - y(right))) {
      if (!lines.has(mark.front)) lines.set(mark.front, []);
      const line = lines.get(mark.front);
      const last = line[line.length - 1];
      const equal = last && last.x === mark.x && last.y === mark.y;
      if (!last || equal || y(mark) < y(last)) line.push(mark);
    }
    return lines;
  }

  const STANDINGS = { dropped: "dominated", undecided: "undecided", front: "on the front" };
  const SYMBOLS = {
    false: { front: ["circle", "●"], undecided: ["diamond-open", "◇"], dropped: ["circle-open", "○"] },
    true: { front: ["square", "■"], undecided: ["diamond-open", "◇"], dropped: ["square-open", "□"] },
  };
  function standing(mark, onFront) {
    if (mark.judged === "undecided") return "undecided";
    return onFront.has(mark) ? "front" : "dropped";
  }

  function traces(marks, lines, onFront) {
    const names = groups();
    const frontNames = [...new Set(picture.marks.map((mark) => mark.front))].sort();
    const drawn = [...lines].map(([name, line]) => {
      const own = new Set(line.map((mark) => groupOf(mark, names)));
      return {
        type: "scatter", name: name, mode: "lines", showlegend: lines.size > 1, hoverinfo: "skip",
        line: {
          shape: "hv", // From the best x on, since between two marks only the worse value is reached.
          width: 1.5,
          dash: ["solid", "dash", "dashdot", "dot"][frontNames.indexOf(name) % 4],
          color: own.size === 1 ? colourOf([...own][0], names) : variable("soft"),
        },
        x: line.map((mark) => mark.x),
        y: line.map((mark) => mark.y),
      };
    });
    const many = marks.length > MANY_MARKS;
    const listed = new Set();
    const shown = [];
    for (const state of Object.keys(STANDINGS).reverse()) {
      for (const [imported, group] of [false, true].flatMap((each) => names.map((name) => [each, name]))) {
        const own = marks.filter((mark) =>
          mark.imported === imported && groupOf(mark, names) === group && standing(mark, onFront) === state);
        if (!own.length) continue;
        const all = marks.filter((mark) => groupOf(mark, names) === group).length;
        shown.unshift({
          type: "scatter", mode: "markers", name: `${group} (${all})`, legendgroup: group, legendrank: names.indexOf(group),
          showlegend: names.length > 1 && !listed.has(group),
          opacity: state === "dropped" ? (many ? 0.35 : 0.6) : 1,
          marker: {
            color: colourOf(group, names), symbol: SYMBOLS[imported][state][0],
            size: state === "front" ? (many ? 8 : 11) : many ? 5 : 8,
          },
          x: own.map((mark) => mark.x),
          y: own.map((mark) => mark.y),
          error_x: errors(own, "x"),
          error_y: errors(own, "y"),
          text: own.map(hover),
          hovertemplate: "%{text}<extra></extra>",
          marks: own,
        });
        listed.add(group);
      }
    }
    return [...drawn, ...shown];
  }

  // The main front: this machine's; the published one if nothing of this machine is shown.
  function mainFronts(lines) {
    const own = [...lines.values()].filter((line) => !line[0].imported);
    return own.length ? own : [...lines.values()];
  }

  function sentence(marks, lines) {
    if (!marks.length) return "No point is shown; switch filters on, or shorten the search.";
    const parts = mainFronts(lines).map((line) => {
      const all = marks.filter((mark) => mark.front === line[0].front);
      const systems = distinct(all.map((mark) => mark.system));
      const place = systems.length === 1 ? systems[0] : `${systems.length} machines`;
      const ends = [line[0], line[line.length - 1]].map((mark) => `${mark.name} (${value(mark, "x", 3)}, ${value(mark, "y", 4)})`);
      const span = line.length === 1 ? `: ${ends[0]}` : `, from ${ends[0]} to ${ends[1]}`;
      const open = all.filter((mark) => mark.judged === "undecided").length;
      const [few, be] = [`${line.length} of ${all.length} points`, line.length === 1 ? "is" : "are"];
      return `On ${place}, ${few} ${be} on the front${span}${open ? `; ${open} undecided` : ""}.`;
    });
    return parts.length > 3 ? `${parts.slice(0, 3).join(" ")} The table has the other fronts.` : parts.join(" ");
  }

  function layout() {
    const text = variable("text");
    const axis = (name) => ({
      title: { text: `${escaped(picture.words[name])}, ${better(name)} is better`, font: { size: narrow() ? 12 : 14 } },
      type: log[name] ? "log" : "linear",
      gridcolor: variable("grid"), linecolor: variable("line"), zeroline: false, automargin: true,
      ...(log[name] ? { dtick: narrow() ? 1 : undefined, minor: { showgrid: true, gridcolor: variable("grid") } } : {}),
    });
    return {
      xaxis: axis("x"), yaxis: axis("y"), hovermode: "closest",
      dragmode: window.matchMedia("(pointer: coarse)").matches ? false : "zoom",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: text, family: "system-ui, sans-serif", size: 13 },
      hoverlabel: { bgcolor: variable("panel"), bordercolor: variable("line"), font: { color: text }, align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: variable("soft"), activecolor: variable("accent") },
      margin: { t: 12, r: 12, l: narrow() ? 44 : 64, b: 48 },
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", itemclick: false, itemdoubleclick: false, font: { size: 12 } },
    };
  }

  // Names beside the marks of the main fronts, where there is room for them.
  function labels(lines) {
    const { xaxis, yaxis } = chart._fullLayout;
    const size = narrow() ? 10 : 12;
    const taken = [];
    const all = chart.data.filter((trace) => trace.mode === "markers").flatMap((trace) => trace.marks);
    const avoided = all.length > 400 ? [...lines.values()].flat() : all;
    const spots = avoided.map((mark) => [xaxis.d2p(mark.x), yaxis.d2p(mark.y)]);
    const free = (box) =>
      box[0] > 0 && box[2] < xaxis._length && box[1] > 0 && box[3] < yaxis._length &&
      !taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]) &&
      !spots.some(([x, y]) => x > box[0] - 4 && x < box[2] + 4 && y > box[1] - 3 && y < box[3] + 3);
    const made = [];
    for (const mark of mainFronts(lines).flat()) {
      if (made.length >= MOST_LABELS) break;
      const [x, y] = [xaxis.d2p(mark.x), yaxis.d2p(mark.y)];
      const width = Math.min(mark.name.length, 40) * size * 0.56;
      const places = [[-1, -14], [1, 14], [1, -14], [-1, 14], [-1, -30], [1, 30], [-1, 0], [1, 0]];
      for (const [side, up] of places) {
        const left = side > 0 ? x + 9 : x - 9 - width;
        const box = [left, y + up - size * 0.7, left + width, y + up + size * 0.7];
        if (!free(box)) continue;
        taken.push(box);
        const name = mark.name.length > 40 ? `${mark.name.slice(0, 39)}…` : mark.name;
        made.push({
          x: log.x ? Math.log10(mark.x) : mark.x, y: log.y ? Math.log10(mark.y) : mark.y, text: escaped(name),
          showarrow: false, xanchor: side > 0 ? "left" : "right", xshift: side * 9, yshift: -up,
          font: { size, color: variable("text") }, bgcolor: variable("veil"), borderpad: 1, captureevents: false,
        });
        break;
      }
    }
    return made;
  }

  let labelling = false;
  let shownLines = new Map();
  function relabel() {
    if (labelling) return;
    labelling = true;
    Plotly.relayout(chart, { annotations: labels(shownLines) }).finally(() => (labelling = false));
  }

  function draw() {
    const marks = picture.marks.filter(visible);
    const lines = fronts(marks);
    const onFront = new Set([...lines.values()].flat());
    shownLines = lines;
    element("answer").textContent = sentence(marks, lines);
    element("answer").classList.toggle("sample", Boolean(picture.sample_words));
    element("shown").textContent =
      `${marks.length} of ${picture.marks.length} points shown${picture.sample_words ? "; " + picture.sample_words : ""}`;
    const used = new Map(marks.map((mark) => {
      const state = standing(mark, onFront);
      return [SYMBOLS[mark.imported][state][1], `${mark.imported ? "imported, " : ""}${STANDINGS[state]}`];
    }));
    element("key").replaceChildren(...[...used].sort().map(([symbol, text]) => tag("span", `${symbol} ${text}`)));
    const config = { responsive: true, displaylogo: false, displayModeBar: narrow() ? false : "hover",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"] };
    Plotly.react(chart, traces(marks, lines, onFront), layout(), config).then(relabel);
    drawTable(marks, lines, onFront);
  }

  function tag(name, text, properties = {}) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    return Object.assign(made, properties);
  }

  // Show the mark of a table's row in the chart.
  function point(mark) {
    chart.data.forEach((trace, curveNumber) => {
      const pointNumber = trace.mode === "markers" ? trace.marks.indexOf(mark) : -1;
      if (pointNumber >= 0) Plotly.Fx.hover(chart, [{ curveNumber, pointNumber }]);
    });
  }

  function drawTable(marks, lines, onFront) {
    const names = groups();
    const key = { name: (mark) => mark.name, system: (mark) => mark.system, x: (mark) => mark.x, y: (mark) => mark.y }[table.by];
    const order = (left, right) =>
      (typeof key(left) === "number" ? key(left) - key(right) : key(left).localeCompare(key(right))) * (table.down ? -1 : 1);
    const chosen = marks.filter((mark) => table.all || onFront.has(mark)).sort(order);
    const columns = [["name", "Model"], ["system", "Machine"], ["x", picture.words.x], ["y", picture.words.y]];
    const head = tag("tr");
    for (const [by, title] of columns) {
      const cell = tag("th", "", { scope: "col", className: { x: "number", y: "number", system: "machine" }[by] || "" });
      if (table.by === by) cell.setAttribute("aria-sort", table.down ? "descending" : "ascending");
      const mark = table.by === by ? (table.down ? " ↓" : " ↑") : "";
      const sort = tag("button", title[0].toUpperCase() + title.slice(1) + mark, { type: "button" });
      sort.dataset.sort = by;
      sort.addEventListener("click", () => {
        Object.assign(table, { by, down: table.by === by && !table.down });
        draw();
        element("table").querySelector(`[data-sort="${by}"]`).focus();
      });
      cell.append(sort);
      head.append(cell);
    }
    if (table.all) head.append(tag("th", "Standing", { scope: "col" }));
    const rows = chosen.slice(0, MOST_ROWS).map((mark) => {
      const row = tag("tr");
      const name = tag("td");
      const swatch = tag("span", "", { className: "swatch" });
      swatch.style.background = colourOf(groupOf(mark, names), names);
      const show = tag("button", mark.name, { type: "button", title: "show it in the picture" });
      show.addEventListener("click", () => point(mark));
      show.addEventListener("focus", () => point(mark));
      const both = tag("div", "", { className: "named" });
      both.append(swatch, show);
      name.append(both, tag("div", mark.system, { className: "under" }));
      row.append(name, tag("td", mark.system, { className: "machine" }));
      for (const axis of ["x", "y"]) {
        row.append(tag("td", `${rounded(mark[axis], 5)}${bounds(mark[`${axis}_interval`], 4)}`, { className: "number" }));
      }
      if (table.all) row.append(tag("td", STANDINGS[standing(mark, onFront)]));
      return row;
    });
    const [thead, tbody] = [tag("thead"), tag("tbody")];
    thead.append(head);
    tbody.append(...rows);
    element("table").replaceChildren(thead, tbody);
    element("table-title").textContent = `${table.all ? "All points" : "On the front"} (${chosen.length})`;
    const toggle = tag("button", table.all ? "only the front" : "all points", { type: "button", id: "all-rows" });
    toggle.addEventListener("click", () => {
      table.all = !table.all;
      draw();
      element("all-rows").focus();
    });
    const left = chosen.length > MOST_ROWS ? `The first ${MOST_ROWS} are listed. ` : "";
    element("more").replaceChildren(left, ...(marks.length > onFront.size || table.all ? ["Show ", toggle] : []));
  }

  function addCheckbox(parent, text, checked, changed) {
    const label = tag("label");
    const input = tag("input", "", { type: "checkbox", checked });
    input.addEventListener("change", () => {
      changed(input.checked);
      draw();
    });
    label.append(input, tag("span", text));
    parent.append(label);
    return input;
  }

  function addGroup(title) {
    const set = tag("fieldset");
    set.append(tag("legend", title));
    element("controls").append(set);
    return set;
  }

  function addSearch(parent, id, words, changed) {
    const input = tag("input", "", { type: "search", id, placeholder: words });
    input.setAttribute("aria-label", words);
    input.addEventListener("input", () => changed(input.value.trim().toLowerCase()));
    parent.append(input);
  }

  function addFilter(name) {
    const choices = kinds(name);
    if (choices.length < 2) return;
    const set = addGroup(name);
    hidden[name] = new Set();
    const inputs = [];
    if (choices.length > MANY_CHOICES) {
      addSearch(set, `search-${name.replace(" ", "-")}`, `find by ${name}`, (text) => {
        for (const input of inputs) input.parentElement.hidden = !input.value.toLowerCase().includes(text);
      });
    }
    const actions = tag("div", "", { className: "actions" });
    for (const on of [true, false]) {
      const all = tag("button", on ? "all" : "none", { type: "button" });
      all.dataset.filter = name;
      all.addEventListener("click", () => {
        for (const input of inputs) {
          if (input.parentElement.hidden) continue; // The search keeps the others as they are.
          input.checked = on;
          hidden[name][on ? "delete" : "add"](input.value);
        }
        draw();
      });
      actions.append(all);
    }
    const list = tag("div", "", { className: "choices" });
    for (const choice of choices) {
      const input = addCheckbox(list, choice, true, (on) => hidden[name][on ? "delete" : "add"](choice));
      input.dataset.filter = name;
      input.value = choice;
      inputs.push(input);
    }
    set.append(actions, list);
  }

  function addControls() {
    addSearch(addGroup("search"), "search", "a name or a system", (text) => {
      searched = text;
      draw();
    });
    if (colourings.length > 1) {
      const select = tag("select", "", { id: "colouring" });
      select.setAttribute("aria-label", "one colour for each");
      const words = { system: "machine", family: "family of models", measured: "place of measurement" };
      select.append(...colourings.map((name) => tag("option", words[name], { value: name, selected: name === colouring })));
      select.addEventListener("change", () => {
        colouring = select.value;
        draw();
      });
      addGroup("one colour for each").append(select);
    }
    for (const name of Object.keys(filters)) addFilter(name);
    const positive = ["x", "y"].filter((name) => picture.marks.every((mark) => mark[name] > 0));
    const axes = positive.length ? addGroup("axes") : undefined;
    for (const name of positive) {
      addCheckbox(axes, `${picture.words[name]} logarithmic`, log[name], (on) => (log[name] = on)).id = `log-${name}`;
    }
  }

  addControls();
  element("filters").open = !narrow();
  draw();
  dark.addEventListener("change", draw);
  chart.on("plotly_relayout", (changed) => {
    if (!("annotations" in changed)) relabel();
  });
  window.addEventListener("resize", () => window.requestAnimationFrame(relabel));
})();
