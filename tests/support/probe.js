// What is wrong with a page as it is shown: a list of [kind, what, …]. Run in the page by tests/reporting/test_browser.py.
//
// cut: text that leaves the page or the picture it is in. clipped: content that a box hides and nobody can scroll to.
// faint: text whose contrast to what lies behind it is below WCAG's 4.5, or 3 where it is large. small: text below 9 px.
// outside, overflow: the page is wider than the screen. ids, link: an id that is there twice, a reference to none.
// unnamed: a picture, a table or a region without a name for who does not see it. landmark: one missing or twice.
() => {
  const found = [];
  const hidden = el => { const s = getComputedStyle(el); return s.display === 'none' || s.visibility === 'hidden'; };
  const inside = (el, css) => el.closest(css) !== null;
  const rgba = text => { const p = text.match(/[\d.]+/g).map(Number);
    if (text.startsWith('color(')) return [255*p[0], 255*p[1], 255*p[2], p.length > 3 ? p[3] : 1];
    return [p[0], p[1], p[2], p.length > 3 ? p[3] : 1]; };
  const over = (top, under) => [0, 1, 2].map(i => top[3] * top[i] + (1 - top[3]) * under[i]).concat(1);
  const light = c => { const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  const ground = el => { const layers = [];
    for (let e = el; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const opacity = el => { let o = 1; for (let e = el; e; e = e.parentElement) o *= Number(getComputedStyle(e).opacity); return o; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const text = node.textContent.trim(), el = node.parentElement;
    if (!text || inside(el, '.unseen, style, title, desc')) continue;
    const range = document.createRange(); range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const svg = inside(el, 'svg');
    if (!inside(el, '.scroll, pre') && (box.left < -0.5 || box.right > innerWidth + 0.5)) found.push(['cut', text, Math.round(box.left), Math.round(box.right)]);
    const s = getComputedStyle(el);
    const colour = rgba(svg ? s.fill : s.color); colour[3] *= opacity(el) * (svg ? Number(s.fillOpacity) : 1);
    let under = ground(svg ? el.closest('svg').parentElement : el);
    if (inside(el, 'figure.work')) {
      el.scrollIntoView({block: 'center'}); const b = el.getBoundingClientRect();
      for (const at of document.elementsFromPoint(b.x + b.width / 2, b.y + b.height / 2)) {
        if (at.tagName === 'path') { const p = getComputedStyle(at); const c = rgba(p.fill); c[3] *= Number(p.fillOpacity) * Number(p.opacity); under = over(c, under); break; } }
    }
    const size = parseFloat(s.fontSize) * (svg ? el.getScreenCTM().a : 1), bold = Number(s.fontWeight) >= 600;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5, ratio = contrast(over(colour, under), under);
    if (ratio < least - 0.005) found.push(['faint', text, ratio.toFixed(2), s.fill || s.color, size.toFixed(1)]);
    if (size < 9) found.push(['small', text, size.toFixed(1)]);
  }
  for (const el of document.querySelectorAll('body *')) {
    if (hidden(el) || inside(el, 'svg, .unseen')) continue;
    const s = getComputedStyle(el);
    if (s.overflowX !== 'visible' && el.scrollWidth > el.clientWidth + 1 && !(el.tabIndex === 0 && s.overflowX === 'auto')) found.push(['clipped', el.tagName, el.className]);
    const box = el.getBoundingClientRect();
    if (!inside(el, '.scroll, pre') && box.width && (box.left < -0.5 || box.right > innerWidth + 0.5)) found.push(['outside', el.tagName, el.className, Math.round(box.right)]);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push(['overflow', document.documentElement.scrollWidth]);
  const ids = [...document.querySelectorAll('[id]')].map(el => el.id);
  if (new Set(ids).size !== ids.length) found.push(['ids']);
  for (const a of document.querySelectorAll('a[href], use')) { const to = a.getAttribute('href'); if (!to.startsWith('#') || !document.getElementById(to.slice(1))) found.push(['link', to]); }
  for (const svg of document.querySelectorAll('svg:not([aria-hidden])')) if (svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')) found.push(['unnamed', 'svg']);
  for (const table of document.querySelectorAll('table')) if (!table.caption?.textContent.trim() || !table.querySelector('thead th[scope=col]')) found.push(['unnamed', 'table']);
  for (const one of document.querySelectorAll('[role=region], nav')) if (!one.getAttribute('aria-label')) found.push(['unnamed', one.tagName]);
  for (const tag of ['header', 'main', 'footer', 'h1']) if (document.querySelectorAll(tag).length !== 1) found.push(['landmark', tag]);
  if (!document.documentElement.lang || !document.title) found.push(['landmark', 'lang or title']);
  return found;
}
