// The map: click to set a place, wheel, pinch, drag and buttons to look closer. Its window outlives new pictures.
"use strict";
(() => {
  const windows = new WeakMap();
  const atlasOf = (map) => map.querySelector("svg.atlas");

  function whole(svg) {
    const [width, height] = ["width", "height"].map((name) => +svg.querySelector(".water").getAttribute(name));
    return {x: 0, y: 0, width, height};
  }
  function apply(map) {
    const svg = atlasOf(map);
    if (!svg) return;
    const all = whole(svg), view = windows.get(map) ?? all;
    view.width = Math.min(view.width, all.width);
    view.height = view.width * all.height / all.width;
    view.x = Math.min(Math.max(view.x, 0), all.width - view.width);
    view.y = Math.min(Math.max(view.y, 0), all.height - view.height);
    windows.set(map, view);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    // What marks a place keeps its size on the screen.
    svg.style.setProperty("--steady", view.width / Math.max(svg.clientWidth, 1));
  }
  function zoom(map, factor, x, y) {
    const svg = atlasOf(map), view = windows.get(map) ?? whole(svg);
    if (!factor) { windows.set(map, whole(svg)); apply(map); return; }
    const width = Math.min(Math.max(view.width / factor, 40), whole(svg).width), share = width / view.width;
    x ??= view.x + view.width / 2; y ??= view.y + view.height / 2;
    windows.set(map, {x: x - (x - view.x) * share, y: y - (y - view.y) * share, width, height: view.height * share});
    apply(map);
  }
  function at(svg, event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [place.x, place.y];
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) zoom(button.closest("[data-map]"), +button.dataset.zoom);
  });
  document.addEventListener("wheel", (event) => {
    const svg = event.target.closest?.("svg.atlas");
    if (!svg || !(event.ctrlKey || document.activeElement === svg || event.target.closest("[data-map]").matches(":focus-within, .used"))) return;
    event.preventDefault();
    zoom(svg.closest("[data-map]"), event.deltaY < 0 ? 1.2 : 1 / 1.2, ...at(svg, event));
  }, {passive: false});

  const touches = new Map();
  let moved = 0, apart = 0;
  document.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest?.("svg.atlas");
    if (!svg) return;
    svg.closest("[data-map]").classList.add("used");
    touches.set(event.pointerId, {svg, x: event.clientX, y: event.clientY});
    moved = 0; apart = 0;
  });
  document.addEventListener("pointermove", (event) => {
    const touch = touches.get(event.pointerId);
    if (!touch) return;
    const map = touch.svg.closest("[data-map]");
    if (!map) { touches.clear(); return; }
    const dx = event.clientX - touch.x, dy = event.clientY - touch.y;
    touch.x = event.clientX; touch.y = event.clientY;
    moved += Math.abs(dx) + Math.abs(dy);
    const [one, other] = touches.values();
    if (other) {
      const now = Math.hypot(one.x - other.x, one.y - other.y);
      if (apart) zoom(map, now / apart);
      apart = now;
    } else if (moved > 4) {
      const view = windows.get(map) ?? whole(touch.svg), scale = view.width / touch.svg.clientWidth;
      view.x -= dx * scale; view.y -= dy * scale;
      windows.set(map, view);
      apply(map);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, (event) => {
      const touch = touches.get(event.pointerId);
      touches.delete(event.pointerId);
      if (touch && end === "pointerup" && moved <= 4) pick(touch.svg, event);
    });
  }

  // A click sets the pickup, the next one the drop-off, and so on; or the one place that a page has.
  const next = new WeakMap();
  function pick(svg, event) {
    const map = svg.closest("[data-map]");
    if (!map) return;
    const [x, y] = at(svg, event), {west, north, xPerDeg, yPerDeg} = svg.dataset;
    const point = `${(+north - y / +yPerDeg).toFixed(5)},${(+west + x / +xPerDeg).toFixed(5)}`;
    const state = new URLSearchParams(location.search);
    if (map.classList.contains("picks")) {
      const end = next.get(map) ?? "from";
      next.set(map, end === "from" ? "to" : "from");
      for (const name of ["from", "to"]) {
        const field = document.getElementById(name);
        if (field?.value) state.set(name, field.value);
      }
      state.set(end, point);
    } else if (map.classList.contains("picks-one")) {
      state.set("start", point);
    } else return;
    window.dashboard.go("?" + state);
  }

  const refresh = () => document.querySelectorAll("[data-map]").forEach(apply);
  document.addEventListener("dashboard:shown", refresh);
  addEventListener("resize", refresh);
  refresh();
})();
