"use strict";
// Filters, axes and hover text for the marks in #picture; Plotly draws.
(() => {
  const picture = JSON.parse(document.getElementById("picture").textContent);
  const chart = document.getElementById("chart");
  const controls = document.getElementById("controls");
  const MOST_CHOICES = 40; // The search serves longer lists.
  const hidden = {}; // By filter: the values that are switched off.
  const log = { x: picture.marks.every((mark) => mark.x > 0), y: false };
  let searched = "";

  const filters = {
    "measured": (mark) => (mark.imported ? "imported" : "this machine"),
    "front of": (mark) => mark.front,
    "system": (mark) => mark.system,
  };
  for (const fact of ["family", "precision", "resolution", "engine", "scenario", "round"]) {
    filters[fact] = (mark) => mark.facts[fact] || "unknown";
  }

  const escaped = (text) =>
    String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const rounded = (value) => Number(value.toPrecision(6)).toString();
  const bounds = (interval) => (interval ? ` (${interval.map(rounded).join(" to ")}, this session)` : "");

  function hover(mark) {
    const rows = [
      `<b>${escaped(mark.name)}</b>`,
      ...(mark.sample ? [picture.sample_words] : []),
      `${escaped(picture.x.label)}: ${rounded(mark.x)}${bounds(mark.x_interval)}`,
      `${escaped(picture.y.label)}: ${rounded(mark.y)}${bounds(mark.y_interval)}`,
      `${mark.imported ? "imported: " : ""}${escaped(mark.system)}`,
      `front of: ${escaped(mark.front)}`,
      ...(mark.judged ? [`judged by the race: ${escaped(mark.judged)}`] : []),
      ...Object.entries(mark.facts).map(([name, value]) => `${escaped(name)}: ${escaped(value)}`),
    ];
    return rows.join("<br>");
  }

  function visible(mark) {
    const names = `${mark.name} ${mark.system}`.toLowerCase();
    return (
      names.includes(searched) &&
      Object.entries(filters).every(([name, value]) => !(hidden[name] && hidden[name].has(value(mark))))
    );
  }

  function errors(marks, axis) {
    const key = `${axis}_interval`;
    if (!marks.some((mark) => mark[key])) return undefined;
    const side = (place, sign) => marks.map((mark) => (mark[key] ? sign * (mark[key][place] - mark[axis]) : 0));
    return { type: "data", symmetric: false, array: side(1, 1), arrayminus: side(0, -1), thickness: 1, width: 3 };
  }

  const frontNames = [...new Set(picture.marks.map((mark) => mark.front))].sort();

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

  function standing(mark, onFront) {
    if (mark.judged === "undecided") return "undecided";
    return onFront.has(mark) ? "front" : "dropped";
  }

  const lookOf = (imported, standing) =>
    picture.looks.find((look) => look.imported === imported && look.standing === standing);

  function traces(marks) {
    const lines = fronts(marks);
    const onFront = new Set([...lines.values()].flat());
    const drawn = [...lines].map(([name, line]) => ({
      type: "scatter",
      name: name,
      mode: "lines",
      line: {
        shape: "hv", // From the best x on, since between two marks only the worse value is reached.
        width: 1,
        dash: ["solid", "dash", "dashdot", "dot"][frontNames.indexOf(name) % 4],
        color: lookOf(line[0].imported, "front").colour,
      },
      showlegend: lines.size > 1,
      hoverinfo: "skip",
      x: line.map((mark) => mark.x),
      y: line.map((mark) => mark.y),
    }));
    const shown = picture.looks.map((look) => {
      const own = marks.filter((mark) => mark.imported === look.imported && standing(mark, onFront) === look.standing);
      return {
        type: "scatter",
        name: `${look.label} (${own.length})`,
        mode: "markers",
        showlegend: own.length > 0,
        marker: { color: look.colour, symbol: look.symbol, size: marks.length > 800 ? 5 : 9 },
        x: own.map((mark) => mark.x),
        y: own.map((mark) => mark.y),
        error_x: errors(own, "x"),
        error_y: errors(own, "y"),
        text: own.map(hover),
        hovertemplate: "%{text}<extra></extra>",
      };
    });
    return [...shown, ...drawn];
  }

  function draw() {
    const marks = picture.marks.filter(visible);
    document.getElementById("shown").textContent =
      `${marks.length} of ${picture.marks.length} points shown${picture.sample_words ? "; " + picture.sample_words : ""}`;
    const axis = (name) => ({
      title: { text: `${escaped(picture[name].label)}, ${picture[name].direction === "min" ? "less" : "more"} is better` },
      type: log[name] ? "log" : "linear",
      gridcolor: "#e8e8e8",
      zeroline: false,
    });
    const layout = {
      xaxis: axis("x"),
      yaxis: axis("y"),
      hovermode: "closest",
      plot_bgcolor: "white",
      margin: { t: 20, r: 20 },
      legend: { orientation: "h", y: -0.18 },
    };
    Plotly.react(chart, traces(marks), layout, { responsive: true, displaylogo: false });
  }

  function addCheckbox(parent, text, checked, changed) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "checkbox";
    input.checked = checked;
    input.addEventListener("change", () => {
      changed(input.checked);
      draw();
    });
    label.append(input, ` ${text}`);
    parent.append(label);
    return input;
  }

  function addGroup(title) {
    const set = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = title;
    set.append(legend);
    controls.append(set);
    return set;
  }

  function addFilter(name, value) {
    const choices = [...new Set(picture.marks.map(value))].sort();
    if (choices.length < 2 || choices.length > MOST_CHOICES) return;
    const set = addGroup(name);
    hidden[name] = new Set();
    for (const choice of choices) {
      const input = addCheckbox(set, choice, true, (on) => hidden[name][on ? "delete" : "add"](choice));
      input.dataset.filter = name;
      input.value = choice;
    }
  }

  const axes = addGroup("axes");
  for (const name of ["x", "y"]) {
    if (!picture.marks.every((mark) => mark[name] > 0)) continue;
    addCheckbox(axes, `${name} logarithmic`, log[name], (on) => (log[name] = on)).id = `log-${name}`;
  }
  const search = document.createElement("input");
  search.type = "search";
  search.id = "search";
  search.placeholder = "name or system";
  search.setAttribute("aria-label", "show only names or systems with this text");
  search.addEventListener("input", () => {
    searched = search.value.trim().toLowerCase();
    draw();
  });
  addGroup("search").append(search);
  for (const [name, value] of Object.entries(filters)) addFilter(name, value);
  draw();
})();
