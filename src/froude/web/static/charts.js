// Pictures: traces that the page holds as JSON, drawn by Plotly in the colours of the theme, with buttons of our own.
(() => {
  window.froude = window.froude || {};
  const style = () => getComputedStyle(document.documentElement);
  const NAMES = /^(paper|ink|soft|faint|hair|forecast|n[0-8]|c[0-5])(?:\/([\d.]+))?$/;

  function colour(name) {
    const match = NAMES.exec(name);
    if (!match) return name;
    const hex = style().getPropertyValue(`--${match[1]}`).trim();
    if (!match[2]) return hex;
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r}, ${g}, ${b}, ${match[2]})`;
  }

  const ramp = () => [...Array(9).keys()].map((k) => [k / 8, colour(`n${k}`)]);

  function painted(value, key = "") {
    if (Array.isArray(value)) return key === "color" ? value : value.map((each) => painted(each));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, painted(each, name)]));
    }
    if (value === "sea") return ramp();
    return typeof value === "string" && /colou?r/.test(key) ? colour(value) : value;
  }

  function merged(base, over) {
    const out = { ...base };
    for (const [key, value] of Object.entries(over || {})) {
      out[key] = value && typeof value === "object" && !Array.isArray(value) ? merged(base[key] || {}, value) : value;
    }
    return out;
  }

  function layout(own, width) {
    const axis = {
      gridcolor: colour("hair"), linecolor: colour("faint"), zeroline: false, automargin: true,
      tickfont: { color: colour("soft"), size: 12 }, title: { font: { color: colour("soft"), size: 13 } },
      exponentformat: "power",
    };
    return merged({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, autosize: true,
      height: width < 480 ? 280 : 360, margin: { l: 54, r: 14, t: 10, b: 44 },
      font: { family: style().fontFamily, color: colour("ink") }, dragmode: width < 480 ? false : "zoom",
      hoverlabel: { bgcolor: colour("paper"), bordercolor: colour("faint"), font: { color: colour("ink") } },
      xaxis: axis, yaxis: axis,
    }, own);
  }

  // Over two decades and more a log axis is marked at powers of ten alone.
  function decades(picture, own) {
    for (const [axis, letter] of [["xaxis", "x"], ["yaxis", "y"]]) {
      if (own[axis].type !== "log") continue;
      const all = picture.data.flatMap((trace) => trace[letter] || []).filter((value) => value > 0);
      if (Math.max(...all) / Math.min(...all) > 60) own[axis].dtick = 1;
    }
    return own;
  }

  function draw(figure) {
    const plot = figure.querySelector(".plot");
    const picture = figure.picture;
    if (!picture) return;
    const hidden = figure.hiddenTraces || (figure.hiddenTraces = new Set());
    const data = picture.data.map((trace) => ({ ...painted(trace), visible: !hidden.has(trace.name) }));
    return Plotly.react(plot, data, decades(picture, layout(picture.layout, plot.clientWidth)), { displayModeBar: false, responsive: true, scrollZoom: false })
      .then(() => figure.dispatchEvent(new Event("froude:drawn")));
  }

  function button(text, label, act) {
    const one = document.createElement("button");
    one.type = "button";
    one.className = "quiet";
    one.textContent = text;
    if (label) one.setAttribute("aria-label", `${text}: ${label}`);
    one.addEventListener("click", act);
    return one;
  }

  function zoom(figure, factor) {
    const plot = figure.querySelector(".plot");
    const change = {};
    for (const name of ["xaxis", "yaxis"]) {
      const [from, to] = plot._fullLayout[name].range;
      if (typeof from !== "number") continue;
      const middle = (from + to) / 2, half = (to - from) / 2 * factor;
      change[`${name}.range`] = [middle - half, middle + half];
    }
    Plotly.relayout(plot, change);
  }

  function values(figure) {
    const rows = [["trace", "x", "y"]];
    for (const trace of figure.picture.data) (trace.x || []).forEach((x, k) => rows.push([trace.name, x, trace.y[k]]));
    return window.froude.csv(rows);
  }

  function tools(figure) {
    let bar = figure.querySelector(".tools");
    if (!bar) {
      bar = document.createElement("div");
      bar.className = "tools";
      const name = () => figure.picture.title;
      bar.append(
        button("+", "zoom in", () => zoom(figure, 0.6)),
        button("−", "zoom out", () => zoom(figure, 1.6)),
        button("whole", "show the whole picture", () => Plotly.relayout(figure.querySelector(".plot"), { "xaxis.autorange": figure.picture.layout.xaxis?.autorange || true, "yaxis.autorange": figure.picture.layout.yaxis?.autorange || true })),
        button("SVG", `save the picture: ${name()}`, () => Plotly.downloadImage(figure.querySelector(".plot"), { format: "svg", filename: figure.picture.name, width: 900, height: 520 })),
        button("CSV", `save the values of: ${name()}`, () => window.froude.save(`${figure.picture.name}.csv`, values(figure))),
      );
      figure.append(bar);
    }
    figure.querySelector(".legend")?.remove();
    const names = [...new Set(figure.picture.data.filter((trace) => trace.hoverinfo !== "skip" || trace.fill).map((trace) => trace.name))];
    if (names.length < 2) return;
    const legend = document.createElement("ul");
    legend.className = "legend";
    for (const name of names) {
      const trace = figure.picture.data.find((each) => each.name === name);
      const item = document.createElement("li");
      const toggle = button(name, "", () => {
        const hidden = figure.hiddenTraces;
        hidden.has(name) ? hidden.delete(name) : hidden.add(name);
        toggle.setAttribute("aria-pressed", String(!hidden.has(name)));
        draw(figure);
      });
      toggle.setAttribute("aria-pressed", String(!figure.hiddenTraces?.has(name)));
      const dot = document.createElement("i");
      const own = trace.fillcolor || (typeof trace.marker?.color === "string" ? trace.marker.color : trace.line?.color) || "n5";
      dot.style.background = `var(--${String(own).split("/")[0]}, ${own})`;
      toggle.prepend(dot);
      item.append(toggle);
      legend.append(item);
    }
    figure.querySelector("figcaption").after(legend);
  }

  window.froude.show = (figure, picture) => {
    figure.picture = picture;
    tools(figure);
    return draw(figure);
  };
  window.froude.redraw = draw;

  async function fetchPicture(figure) {
    figure.asked = true;
    const reply = await fetch(figure.dataset.src);
    const picture = reply.ok ? await reply.json() : null;
    figure.hidden = !picture;
    if (!picture) return;
    figure.querySelector("figcaption").textContent = picture.title;
    window.froude.show(figure, picture);
  }

  function refresh() {
    for (const figure of document.querySelectorAll("figure.chart")) {
      const text = figure.querySelector("script[type='application/json']");
      if (figure.dataset.src && !figure.picture && !figure.asked) fetchPicture(figure);
      if (figure.picture || !text) continue;
      window.froude.show(figure, JSON.parse(text.textContent));
    }
  }
  document.addEventListener("froude:theme", () => document.querySelectorAll("figure.chart").forEach(draw));
  document.addEventListener("htmx:afterSwap", refresh);
  document.addEventListener("DOMContentLoaded", refresh);
})();
