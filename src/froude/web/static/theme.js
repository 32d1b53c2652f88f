// Light or dark: the system's, unless a person chose; before anything is painted.
(() => {
  const kept = localStorage.getItem("froude-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
