// What every page does: the theme, the token of requests, copying, and tables that sort, filter and give CSV.
(() => {
  const token = document.querySelector("meta[name=froude-token]").content;
  window.froude = window.froude || {};
  window.froude.post = (address) =>
    fetch(address, { method: "POST", headers: { "X-Froude-Token": token } });

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-Froude-Token"] = token;
    // What a form asks goes into the address, as everything does: nothing is read from a body.
    if (event.detail.verb === "post") {
      const given = [...event.detail.formData.entries()].filter(([, value]) => value !== "");
      if (given.length) {
        const mark = event.detail.path.includes("?") ? "&" : "?";
        event.detail.path += mark + new URLSearchParams(given);
        for (const [name] of given) event.detail.formData.delete(name);
      }
    }
  });

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("froude-theme", root.dataset.theme);
    document.dispatchEvent(new Event("froude:theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("froude:theme")));

  async function copy(button) {
    const text = button.parentElement.querySelector("code").textContent;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  const SUFFIX = { k: 1e3, M: 1e6, B: 1e9, T: 1e12, "%": 0.01 };
  const value = (text) => {
    const match = text.trim().match(/^[-−+$]?\s*([\d.,]+(?:e[-+]?\d+)?)\s*([kMBT%])?/);
    if (!match) return null;
    const sign = /^[-−]/.test(text.trim()) ? -1 : 1;
    return sign * parseFloat(match[1].replaceAll(",", "")) * (SUFFIX[match[2]] ?? 1);
  };

  function sort(table, column, button) {
    const head = button.closest("th");
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const key = (row) => row.cells[column]?.textContent ?? "";
    const numeric = rows.every((row) => key(row).trim() === "" || value(key(row)) !== null);
    rows.sort((a, b) => {
      const order = numeric ? (value(key(a)) ?? Infinity) - (value(key(b)) ?? Infinity) : key(a).localeCompare(key(b));
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }

  function save(name, text, type = "text/csv") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  window.froude.save = save;
  const cell = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  window.froude.csv = (rows) => rows.map((row) => row.map((each) => cell(String(each ?? ""))).join(",")).join("\n") + "\n";

  function equip(table) {
    if (table.dataset.ready || !table.tHead || table.querySelector("tr.detail")) return;
    table.dataset.ready = "yes";
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.classList.contains("plain") || !head.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, column, button));
      head.replaceChildren(button);
    });
    if (table.tBodies[0].rows.length < 4) return;
    const tools = document.createElement("div");
    tools.className = "tools";
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "filter rows";
    filter.setAttribute("aria-label", `filter rows of ${table.dataset.name}`);
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "CSV";
    button.setAttribute("aria-label", `CSV: save ${table.dataset.name}`);
    button.addEventListener("click", () => {
      const rows = [...table.rows].filter((row) => !row.hidden);
      save(`${table.dataset.name}.csv`, window.froude.csv(rows.map((row) => [...row.cells].map((each) => each.textContent.trim()))));
    });
    tools.append(...(table.tBodies[0].rows.length > 8 ? [filter, button] : [button]));
    table.closest(".scroll").before(tools);
  }

  document.addEventListener("formdata", (event) => {
    const empty = [...event.formData.entries()].filter(([, value]) => value === "").map(([name]) => name);
    empty.forEach((name) => event.formData.delete(name));
  }, true);

  function refresh() {
    document.querySelectorAll("table.data").forEach(equip);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });
  document.addEventListener("htmx:afterSwap", refresh);
  refresh();
})();
