// The browser's half of a page: it tells the server what is asked, and shows the pieces that come back.
// The address is the whole state: what can be clicked is a link or a form that would work without this script.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => root.querySelectorAll(selector);
  let model = null;
  let typing = 0;
  let unheard = 0;
  const PING_MS = 2500;

  // --- the theme: the system's, unless somebody says otherwise
  const theme = () => document.documentElement.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  $("#theme").addEventListener("click", () => {
    const chosen = theme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    const here = new URLSearchParams(location.search);
    here.set("theme", chosen);
    history.replaceState(null, "", "?" + here);
    for (const link of all("nav a, .brand, .tools a")) {
      const target = new URL(link.href);
      target.searchParams.set("theme", chosen);
      link.href = target;
    }
  });

  // --- where we are: on a narrow screen the name of this page may be out of sight
  const tab = $("nav a[aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;

  // --- asking
  const query = () => Object.fromEntries(new URLSearchParams(location.search));
  const send = (message) => model && model.send_msg(message);
  const ask = () => { document.body.classList.add("busy"); send({query: query()}); };

  function go(search, replace = false) {
    if (!model) { location.search = search; return; }
    const state = new URLSearchParams(search);
    if ([...state].join() === [...new URLSearchParams(location.search)].join()) return;
    history[replace ? "replaceState" : "pushState"](null, "", "?" + state);
    const language = $("a[data-keeps]");
    if (language) {
      const [name, value] = language.dataset.keeps.split("=");
      const there = new URLSearchParams(state);
      there.set(name, value);
      language.href = "?" + there;
    }
    ask();
  }
  addEventListener("popstate", ask);

  function stateOf(form, changed) {
    const state = new URLSearchParams(location.search);
    for (const field of form.elements) {
      if (!field.name || (field.type === "radio" && !field.checked)) continue;
      if (field.dataset.skip && field !== changed) continue;
      if (field.value) state.set(field.name, field.value); else state.delete(field.name);
    }
    return state;
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-live]");
    if (form) go("?" + stateOf(form, event.target));
  });
  document.addEventListener("input", (event) => {
    if (event.target.type !== "range") return;
    const shown = $(`output[for="${event.target.id}"]`);
    if (shown) shown.textContent = event.target.dataset.unit.replace("{}", event.target.value.padStart(2, "0"));
    const form = event.target.closest("form[data-live]");
    clearTimeout(typing);
    if (form) typing = setTimeout(() => go("?" + stateOf(form, event.target), true), 60);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("form[data-live]")) { event.preventDefault(); go("?" + stateOf(form)); }
    if (form.matches("form[data-deed]")) {
      event.preventDefault();
      const deed = Object.fromEntries(new FormData(form));
      if (event.submitter && event.submitter.name) deed[event.submitter.name] = event.submitter.value;
      document.body.classList.add("busy");
      send({deed});
      const dialog = form.closest("dialog");
      if (dialog) dialog.close();
    }
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-live]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      go(link.getAttribute("href"));
    }
    const opener = event.target.closest("[data-opens]");
    if (opener) $("#" + opener.dataset.opens).showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
  });
  document.addEventListener("keydown", (event) => {
    const link = event.target.closest("a[role=button]");
    if (link && event.key === " ") { event.preventDefault(); link.click(); }
  });

  // --- showing
  function show(parts) {
    for (const [name, html] of Object.entries(parts)) {
      for (const place of all(`[data-part="${CSS.escape(name)}"]`)) {
        const held = place.contains(document.activeElement) ? document.activeElement : null;
        const kept = held && {id: held.id, value: held.value, href: held.getAttribute("href")};
        const open = [...all("details[id][open]", place)].map((one) => one.id);
        if (place.querySelector("dialog[open]")) continue;
        place.innerHTML = html;
        for (const id of open) { const one = document.getElementById(id); if (one) one.open = true; }
        if (kept) {
          const again = (kept.id && document.getElementById(kept.id))
            || (kept.href && place.querySelector(`a[href="${CSS.escape(kept.href)}"]`)) || place.querySelector("a,button");
          if (again) again.focus({preventScroll: true});
        }
      }
    }
    document.dispatchEvent(new CustomEvent("dashboard:shown", {detail: Object.keys(parts)}));
  }

  // --- the connection: when it is lost the page says so, and begins anew once the server is back
  function lost() {
    if (!$("#lost").hidden) return;
    $("#lost").hidden = false;
    const look = async () => {
      try {
        const answer = await fetch("health/live", {cache: "no-store"});
        if (answer.ok) { location.reload(); return; }
      } catch { /* not yet */ }
      setTimeout(look, 1000);
    };
    setTimeout(look, 500);
  }

  window.dashboard = {
    go,
    stateOf,
    connect(bridge) {
      model = bridge;
      bridge.on("msg:custom", (message) => {
        const told = message.data ?? message;
        unheard = 0;
        if (told.parts) show(told.parts);
        if (told.settled) { document.body.classList.remove("busy"); document.body.dataset.ready = "1"; }
      });
      send({hello: document.body.dataset.sitting});
      setInterval(() => {
        if (!$("#lost").hidden) return;
        if (unheard >= 2) { lost(); return; }
        unheard += 1;
        send({ping: true});
      }, PING_MS);
    },
  };
})();
