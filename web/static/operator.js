// What makes the console quicker: turns open in place, new ones appear, files are uploaded. Without it every link and
// form works all the same, but for uploads.
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const LIVE_MS = 2000;

  function setMode(mode) {
    document.documentElement.dataset.mode = mode;
    try { localStorage.setItem("colloquy_mode", mode); } catch { /* storage is blocked: for this page only */ }
  }

  const actions = {
    dark: () => setMode(document.documentElement.dataset.mode === "dark" ? "light" : "dark"),
    language: (button) => {
      document.cookie = `colloquy_language=${button.dataset.language};path=/;max-age=31536000;samesite=lax`;
      location.reload();
    },
  };

  async function fragment(address) {
    const reply = await fetch(address, { headers: { Accept: "text/html" } });
    if (!reply.ok) throw new Error(String(reply.status));
    return reply.text();
  }

  // ---- a turn opens beside the list ----

  let opening = 0;

  async function openTurn(href, { push = true } = {}) {
    const mine = ++opening;
    const pane = find("#turn");
    const address = new URL(href, location.href);
    pane.setAttribute("aria-busy", "true");
    try {
      const part = new URL(address);
      part.searchParams.set("part", "true");
      const html = await fragment(part);
      if (mine !== opening) return;
      pane.innerHTML = html;
    } catch {
      location.assign(address); // the whole page says what is wrong
      return;
    } finally {
      pane.removeAttribute("aria-busy");
    }
    mark(address.searchParams.get("turn"));
    if (push) history.pushState({}, "", address);
    pane.scrollTop = 0;
    pane.focus({ preventScroll: innerWidth >= 900 });
  }

  function mark(reference) {
    for (const row of document.querySelectorAll(".turn-row")) {
      if (row.dataset.turn === reference) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  addEventListener("popstate", () => { if (find("#turn")) openTurn(location.href, { push: false }); });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]?.(button);
    const link = event.target.closest("a.turn-row, a[data-part]");
    if (link && find("#turn") && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      openTurn(link.href);
    }
    const sure = event.target.closest("[data-confirm]");
    if (sure && !sure.classList.contains("sure")) {
      event.preventDefault();
      sure.classList.add("sure");
      sure.textContent = sure.dataset.confirm;
    }
  });

  // ---- new turns appear ----

  async function refresh() {
    const list = find(".turns-list");
    if (!list || document.hidden || new URLSearchParams(location.search).has("before")) return;
    const address = new URL(list.dataset.rows, location.href);
    address.searchParams.set("after", list.dataset.newest);
    const holder = document.createElement("ol");
    try { holder.innerHTML = await fragment(address); } catch { return; }
    const known = new Set([...list.querySelectorAll(".turn-row")].map((row) => row.dataset.turn));
    const fresh = [...holder.children].filter((item) => !known.has(find(".turn-row", item)?.dataset.turn));
    if (!fresh.length) return;
    list.dataset.newest = fresh[0].dataset.at;
    for (const item of fresh) item.classList.add("fresh");
    list.prepend(...fresh);
    find(".list > .none")?.remove();
    find("#announcer").textContent = list.dataset.new.replace("{count}", fresh.length);
  }

  const tab = find(".top [aria-current]"); // scrollIntoView would also move where the Tab key begins
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 60;
  if (find(".turns-list")) setInterval(refresh, LIVE_MS);

  for (const choice of document.querySelectorAll(".filters select, .filters input[type=date]")) {
    choice.addEventListener("change", () => choice.form.requestSubmit());
  }

  // ---- files ----

  const upload = find(".upload");

  function told(text, wrong) {
    const item = document.createElement("li");
    item.textContent = text;
    if (wrong) item.className = "trouble";
    find(".uploaded", upload).append(item);
  }

  function send(file, progress) {
    return new Promise((settle) => {
      const request = new XMLHttpRequest(); // fetch does not say how much has been sent
      const address = new URL(upload.dataset.upload, location.href);
      address.searchParams.set("file", file.name);
      request.open("POST", address);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => { progress.value = event.loaded / (event.total || 1); };
      request.onloadend = () => {
        let reply = {};
        try { reply = JSON.parse(request.responseText); } catch { /* a proxy said something else */ }
        if (reply.said) told(reply.said, false);
        for (const reason of reply.refused || []) told(reason, true);
        if (!reply.said) told(`${file.name}: ${reply.trouble || reply.detail || request.status}`, true);
        settle(Boolean(reply.said));
      };
      request.send(file);
    });
  }

  async function sendAll(files) {
    const progress = find("progress", upload);
    let stored = 0;
    for (const file of files) {
      if (file.size > Number(upload.dataset.most)) { told(`${file.name} ${upload.dataset.large}`, true); continue; }
      progress.hidden = false;
      progress.value = 0;
      if (await send(file, progress)) stored += 1;
    }
    progress.hidden = true;
    if (stored) await replace(location.href, ".wide, .bar-head .quiet");
  }

  async function replace(address, selector) {
    const fresh = new DOMParser().parseFromString(await fragment(address), "text/html");
    const before = document.querySelectorAll(`main :is(${selector})`);
    const after = fresh.querySelectorAll(`main :is(${selector})`);
    if (before.length !== after.length) { location.reload(); return; }
    before.forEach((old, number) => old.replaceWith(after[number]));
  }

  if (upload) {
    const box = find("input[type=file]", upload);
    box.addEventListener("change", () => { sendAll([...box.files]).finally(() => { box.value = ""; }); });
    for (const name of ["dragover", "drop", "dragleave"]) {
      upload.addEventListener(name, (event) => {
        event.preventDefault();
        upload.classList.toggle("over", name === "dragover");
        if (name === "drop") sendAll([...event.dataTransfer.files]);
      });
    }
  }

  // ---- a knowledge base that is being built anew ----

  async function look() {
    const job = find("[data-job]");
    if (!job) return;
    const fresh = new DOMParser().parseFromString(await fragment(job.dataset.job), "text/html");
    const over = fresh.querySelector(".job-over");
    if (!over) { setTimeout(look, 1500); return; }
    find(".said")?.remove();
    find("main").prepend(over);
    job.closest(".bar-head").replaceWith(fresh.querySelector(".bar-head"));
  }

  if (find("[data-job]")) setTimeout(look, 1000);
})();
