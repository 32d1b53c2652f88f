// The curves of a study: smoothed, along what is chosen, shown and hidden; asked again while trainings run.
(() => {
  // What the table shows stands in the address too, and the filter keeps its order.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!document.getElementById("runs-query") || event.detail.target.closest?.(".said")) return;
    const query = new URLSearchParams(document.getElementById("runs-query").dataset.query);
    const address = new URL(location);
    for (const name of ["sort", "page", "where"]) {
      const value = query.get(name);
      value ? address.searchParams.set(name, value) : address.searchParams.delete(name);
    }
    history.replaceState(null, "", address);
    for (const input of document.querySelectorAll("form input[name=sort]")) input.value = query.get("sort") ?? "";
    document.querySelector("a[href^='/study.csv']").href = `/study.csv?${query}`;
    document.dispatchEvent(new Event("froude:runs"));
  });

  const section = document.getElementById("curves");
  if (!section) return;
  const figure = section.querySelector("figure.chart");
  const by = (id) => document.getElementById(id);
  const controls = ["c-x", "c-y", "c-smooth", "c-logx", "c-logy"].map(by);
  const state = new URL(location).searchParams;
  let curves = [];

  for (const control of controls) {
    const kept = state.get(control.dataset.state);
    if (kept === null) continue;
    if (control.type === "checkbox") control.checked = kept === "1";
    else control.value = kept;
  }

  function smoothed(values, weight) {
    let mean = null, bias = 1;
    return values.map((value) => {
      if (value === null) return null;
      mean = mean === null ? value * (1 - weight) : weight * mean + (1 - weight) * value;
      bias *= weight;
      return mean / (1 - bias);
    });
  }

  function fill(select, names, preferred) {
    const before = select.value;
    const kept = state.get(select.dataset.state);
    select.replaceChildren(...names.map((name) => new Option(name)));
    select.value = [kept, before, preferred, names[0]].find((name) => names.includes(name)) ?? "";
  }

  function picture() {
    const x = by("c-x").value, y = by("c-y").value, weight = parseFloat(by("c-smooth").value);
    const data = curves.filter((curve) => curve.x[x] && curve.y[y]).map((curve, k) => ({
      type: "scatter", mode: "lines", name: curve.name + (curve.state === "running" ? " · running" : ""),
      x: curve.x[x], y: weight > 0 ? smoothed(curve.y[y], weight) : curve.y[y],
      line: { color: curve.state === "running" ? "forecast" : curves.length > 6 ? `n${Math.round(8 * k / Math.max(1, curves.length - 1))}` : `c${k % 6}`, width: curve.state === "running" ? 2.5 : 1.4 },
    }));
    const kind = (id) => (by(id).checked ? "log" : "linear");
    return { name: "curves", title: "curves of runs", data, layout: {
      xaxis: { title: { text: x }, type: kind("c-logx") }, yaxis: { title: { text: y }, type: kind("c-logy") }, hovermode: "closest" } };
  }

  function show() {
    if (!curves.length) {
      figure.querySelector("figcaption").textContent = "No curve is here: a study keeps one for each run that writes steps";
      figure.querySelector(".plot").hidden = true;
      return;
    }
    figure.querySelector(".plot").hidden = false;
    window.froude.show(figure, picture());
  }

  function changed() {
    const address = new URL(location);
    for (const control of controls) {
      const value = control.type === "checkbox" ? (control.checked ? "1" : "") : control.value;
      value && value !== "0" ? address.searchParams.set(control.dataset.state, value) : address.searchParams.delete(control.dataset.state);
    }
    history.replaceState(null, "", address);
    show();
  }

  async function load() {
    const reply = await fetch(`/study/curves.json?${document.getElementById("runs-query")?.dataset.query ?? section.dataset.query}`);
    if (!reply.ok) return;
    curves = (await reply.json()).curves;
    fill(by("c-x"), [...new Set(curves.flatMap((curve) => Object.keys(curve.x)))], "step");
    fill(by("c-y"), [...new Set(curves.flatMap((curve) => Object.keys(curve.y)))], "loss");
    show();
  }

  async function progress() {
    const lines = [...document.querySelectorAll(".progress")];
    const query = new URLSearchParams(lines.map((line) => ["path", line.dataset.path]));
    const reply = await fetch(`/study/progress.json?${query}`);
    if (!reply.ok) return true;
    let running = 0, changedRuns = false;
    for (const each of await reply.json()) {
      const line = lines.find((one) => one.dataset.path === each.name);
      changedRuns ||= line.querySelector(".finished").textContent !== String(each.finished);
      line.querySelector(".finished").textContent = each.finished;
      line.querySelector(".running").textContent = each.running;
      const flag = line.querySelector(".flag");
      if (flag) flag.hidden = !each.running;
      running += each.running;
    }
    if (changedRuns) htmx.ajax("GET", `/study/runs?${document.getElementById("runs-query").dataset.query}`, { target: "#runs", swap: "outerHTML" });
    if (running) load();
    return running > 0;
  }

  controls.forEach((control) => control.addEventListener("input", changed));
  document.addEventListener("froude:runs", load);
  const watch = async () => { await progress(); setTimeout(watch, 3000); };
  addEventListener("DOMContentLoaded", () => { load(); if (document.querySelector(".progress")) watch(); });
})();
