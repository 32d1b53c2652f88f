// The target of the law explorer: dragged on the picture, moved by sliders and keys; the forecast follows.
(() => {
  const size = (dial) => String(Number((10 ** parseFloat(dial.value)).toPrecision(4)));
  const UNITS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
  const short = (value) => {
    const unit = UNITS.find(([size]) => value >= size);
    if (value >= 1e16) return value.toExponential(2);
    return unit ? `${+(value / unit[0]).toPrecision(3)}${unit[1]}` : String(+value.toPrecision(3));
  };

  function equip(section) {
    if (section.dataset.ready) return;
    section.dataset.ready = "yes";
    const figure = section.querySelector("figure.chart");
    const handle = section.querySelector(".handle");
    const dials = [...section.querySelectorAll(".dial input[type=range]")];
    if (!handle || !dials.length) return;
    const machine = section.querySelector("#machine");
    const measured = figure.picture.data;
    let timer = 0, asked = 0;

    const first = dials[0];
    function place() {
      const plot = figure.querySelector(".plot");
      const axis = plot._fullLayout?.xaxis, high = plot._fullLayout?.yaxis;
      if (!axis) return;
      const box = plot.getBoundingClientRect(), outer = section.querySelector(".law-plot").getBoundingClientRect();
      const at = axis._offset + axis.l2p(parseFloat(first.value));
      const inside = Math.min(Math.max(at, axis._offset), axis._offset + axis._length);
      handle.style.left = `${box.left - outer.left + inside}px`;
      handle.style.top = `${box.top - outer.top + high._offset}px`;
      handle.style.height = `${high._length}px`;
    }

    function tell() {
      for (const dial of dials) {
        const text = short(10 ** parseFloat(dial.value));
        section.querySelector(`output[for=${dial.id}]`).textContent = text;
        dial.setAttribute("aria-valuetext", text);
      }
      handle.setAttribute("aria-valuenow", first.value);
      handle.setAttribute("aria-valuetext", short(10 ** parseFloat(first.value)));
      place();
    }

    async function ask() {
      const mine = ++asked;
      const query = new URLSearchParams(section.dataset.query);
      for (const dial of dials) query.set(dial.dataset.input, size(dial));
      query.set("machine", machine.value);
      const reply = await window.froude.post(`/law/forecast.json?${query}`);
      const said = await reply.json();
      if (mine !== asked) return;
      const facts = section.querySelector(".forecast");
      const warning = section.querySelector(".warning");
      if (!reply.ok) {
        warning.textContent = said.error;
        return;
      }
      facts.replaceChildren(...said.facts.map(([head, text]) => {
        const row = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
        dt.textContent = head;
        dd.textContent = text;
        row.append(dt, dd);
        return row;
      }));
      warning.textContent = said.warnings[0] || "";
      section.querySelector(".at code").textContent = said.command;
      const { x, mean, lo, hi } = said.along;
      const traces = [...measured];
      if (lo) traces.unshift({ type: "scatter", mode: "lines", name: "interval", x: [...x, ...[...x].reverse()], y: [...hi, ...[...lo].reverse()], fill: "toself", fillcolor: "forecast/0.16", line: { width: 0 }, hoverinfo: "skip" });
      traces.push({ type: "scatter", mode: "lines", name: "law through the target", x, y: mean, line: { color: "forecast", width: 2 } });
      const at = said.forecast.at[first.dataset.input];
      const [low, high] = said.forecast.interval;
      traces.push({ type: "scatter", mode: "markers", name: "target", x: [at], y: [said.forecast.mean], marker: { color: "forecast", size: 13, symbol: "diamond", line: { color: "paper", width: 1.5 } }, ...(low === null ? {} : { error_y: { type: "data", symmetric: false, array: [high - said.forecast.mean], arrayminus: [said.forecast.mean - low], color: "forecast", thickness: 2, width: 7 } }) });
      const xs = measured.flatMap((trace) => trace.x).concat(10 ** parseFloat(first.min), 10 ** parseFloat(first.max));
      const range = [Math.log10(Math.min(...xs)) - 0.1, Math.log10(Math.max(...xs)) + 0.1];
      await window.froude.show(figure, { ...figure.picture, data: traces, layout: { ...figure.picture.layout, xaxis: { ...figure.picture.layout.xaxis, range, autorange: false } } });
      place();
      const address = new URL(location);
      for (const dial of dials) address.searchParams.set(`at_${dial.dataset.input}`, dial.value);
      if (machine.value !== "8 x h100") address.searchParams.set("machine", machine.value);
      history.replaceState(null, "", address);
    }

    function moved() {
      tell();
      clearTimeout(timer);
      timer = setTimeout(ask, 40);
    }
    function move(value) {
      first.value = String(Math.min(parseFloat(first.max), Math.max(parseFloat(first.min), value)));
      moved();
    }
    for (const dial of dials) dial.addEventListener("input", moved);
    machine.addEventListener("change", ask);
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 0.05, ArrowUp: 0.05, ArrowLeft: -0.05, ArrowDown: -0.05, PageUp: 0.5, PageDown: -0.5 };
      if (event.key in steps) move(parseFloat(first.value) + steps[event.key]);
      else if (event.key === "Home") move(parseFloat(first.min));
      else if (event.key === "End") move(parseFloat(first.max));
      else return;
      event.preventDefault();
    });
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const plot = figure.querySelector(".plot"), axis = plot._fullLayout.xaxis;
      move(axis.p2l(event.clientX - plot.getBoundingClientRect().left - axis._offset));
    });
    addEventListener("resize", () => setTimeout(place, 200));
    figure.addEventListener("froude:drawn", place);
    const kept = new URL(location).searchParams;
    for (const dial of dials) if (kept.has(`at_${dial.dataset.input}`)) dial.value = kept.get(`at_${dial.dataset.input}`);
    tell();
    ask();
  }

  const refresh = () => setTimeout(() => document.querySelectorAll("section.target").forEach(equip));
  document.addEventListener("htmx:afterSwap", refresh);
  document.addEventListener("DOMContentLoaded", refresh);
})();
