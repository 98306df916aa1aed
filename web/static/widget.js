// A chat in the corner of any page, brought by one script tag. It lives in a shadow root, so that neither page nor widget
// restyles the other, and talks to the server that the script came from. What models and documents say is text, never HTML.
(() => {
  const TEXTS = {}; // filled in by the server
  const script = document.currentScript;
  const base = new URL(".", script.src).href;
  const asked = (script.dataset.language || document.documentElement.lang || navigator.language || "en").toLowerCase();
  const say = TEXTS[asked.startsWith("zh") ? "zh" : "en"];
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const KNOWLEDGE_BASE = script.dataset.knowledgeBase || "";
  const foreign = new URL(base).origin !== location.origin;

  const random = (bytes) => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const kept = (storage, name, make) => {
    try {
      const value = window[storage].getItem(name) || make();
      window[storage].setItem(name, value);
      return value;
    } catch { return make(); } // storage is blocked: this page's own, until it is left
  };
  const VISITOR = "colloquy_visitor", CONVERSATION = "colloquy_widget_conversation", ASKED = "colloquy_widget_asked";
  const visitor = foreign ? kept("localStorage", VISITOR, () => random(32)) : "";
  let conversation = kept("sessionStorage", CONVERSATION, () => random(16));
  let work = null; // aborts the turn that runs

  const make = (tag, settings = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(settings)) {
      if (name === "text") node.textContent = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  };

  const host = make("colloquy-chat", { lang: asked.startsWith("zh") ? "zh" : "en" });
  const root = host.attachShadow({ mode: "open" });
  const log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": say.title, tabindex: "0" });
  const box = make("textarea", { rows: "1", placeholder: say.placeholder, "aria-label": say.placeholder, maxlength: "4000" });
  const send = make("button", { type: "submit", class: "send", "aria-label": say.send, title: say.send, text: "➤" });
  const stop = make("button", { type: "button", class: "send", text: "■", "aria-label": say.stop, title: say.stop, hidden: true, onclick: () => work?.abort() });
  const form = make("form", { onsubmit: (event) => { event.preventDefault(); ask(box.value); } }, box, send, stop);
  const title = script.dataset.title || say.title;
  const panel = make("section", { id: "panel", role: "dialog", "aria-label": title, hidden: true },
    make("header", {}, make("h2", { text: title }),
      make("button", { type: "button", class: "icon", text: "+", "aria-label": say.new, title: say.new, onclick: anew }),
      make("button", { type: "button", class: "icon", text: "✕", "aria-label": say.close, title: say.close, onclick: () => show(false) })),
    log, form);
  const opener = make("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": "panel", "aria-label": say.open, title: say.open, onclick: () => show(panel.hidden) });
  opener.append(icon());
  const theme = script.dataset.theme || "auto";
  root.append(make("style", { text: style() }), make("div", { class: `all ${theme}` }, panel, opener));
  const place = () => document.body.append(host);
  if (document.body) place(); else addEventListener("DOMContentLoaded", place); // an async script may come before the body

  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) {
      event.stopPropagation();
      if (work) work.abort(); else show(false);
    }
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  box.addEventListener("input", () => { box.style.height = "auto"; box.style.height = `${Math.min(box.scrollHeight, 110)}px`; });

  let begun = false;
  async function show(open) {
    panel.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    opener.setAttribute("aria-label", open ? say.close : say.open);
    if (!open) return opener.focus();
    box.focus();
    if (begun) return;
    begun = true;
    log.append(make("p", { class: "hello", text: say.hello }));
    try {
      if (sessionStorage.getItem(ASKED) !== conversation) return; // nothing was said in it yet
      const reply = await fetch(address(""), { headers: headers() });
      if (reply.ok) for (const turn of (await reply.json()).turns) drawn(turn.question, (into) => finished(into, turn));
    } catch { /* what was said before stays unseen; asking still works */ }
  }

  function anew() {
    work?.abort();
    conversation = random(16);
    try { sessionStorage.setItem(CONVERSATION, conversation); } catch { /* blocked */ }
    log.replaceChildren(make("p", { class: "hello", text: say.hello }));
    box.focus();
  }

  const address = (rest) => `${base}api/v1/conversations/${conversation}${rest}`;
  const headers = (more = {}) => ({ ...more, ...(foreign ? { "X-Colloquy-Visitor": visitor } : {}) });

  function drawn(question, draw) {
    const into = make("div", { class: "reply" });
    log.append(make("div", { class: "turn" }, make("p", { class: "said" }, make("span", { class: "unseen", text: `${say.you}: ` }), question), into));
    draw(into);
    log.scrollTop = log.scrollHeight;
    return into;
  }

  async function ask(message) {
    if (!message.trim() || work) return;
    box.value = "";
    box.style.height = "auto";
    const stage = make("p", { class: "stage", text: say.searching });
    const draft = make("p", { class: "answer" });
    const into = drawn(message, (reply) => reply.append(draft, stage));
    work = new AbortController();
    send.hidden = true; stop.hidden = false;
    log.setAttribute("aria-busy", "true"); // read aloud once, when it is whole
    try {
      await turn(message, { into, stage, draft }, work.signal);
    } catch (error) {
      stage.textContent = error.name === "AbortError" ? say.stopped : error.told || say.failed;
      stage.className = error.name === "AbortError" ? "stage" : "stage failed";
    } finally {
      work = null;
      send.hidden = false; stop.hidden = true;
      log.removeAttribute("aria-busy");
      log.scrollTop = log.scrollHeight;
    }
  }

  async function turn(message, parts, signal) {
    const body = JSON.stringify({ message, knowledge_base: KNOWLEDGE_BASE });
    const reply = await fetch(address("/turns"), { method: "POST", body, signal, headers: headers({ "Content-Type": "application/json", Accept: "text/event-stream" }) });
    if (!reply.ok) throw Object.assign(new Error("refused"), { told: (await reply.json().catch(() => ({}))).detail });
    try { sessionStorage.setItem(ASKED, conversation); } catch { /* blocked */ }
    let ended = false;
    for await (const [name, data] of events(reply.body)) {
      if (name === "queued") parts.stage.textContent = data.position ? fill(say.queued, data) : say.searching;
      else if (name === "passages_retrieved") parts.stage.textContent = fill(say.reading, { count: data.passages.length });
      else if (name === "answer_delta") { parts.stage.textContent = say.writing; parts.draft.textContent += data.text; }
      else if (name === "answer_finished") { ended = true; parts.into.replaceChildren(); finished(parts.into, data.turn); }
      else if (name === "error") throw Object.assign(new Error("broke"), { told: say.failed });
      log.scrollTop = log.scrollHeight;
    }
    if (!ended) throw new Error("cut off");
  }

  async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const whole = (rest + value).split("\n\n");
      rest = whole.pop();
      for (const block of whole) {
        const field = (name) => block.split("\n").filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trim()).join("\n");
        if (field("data")) yield [field("event"), JSON.parse(field("data"))];
      }
    }
  }

  function finished(into, turn) {
    const { answer } = turn, text = make("p", { class: "answer" });
    const sources = make("details", { class: "sources" }, make("summary", { text: say.sources }));
    const cited = new Map(); // what each marker stands for
    for (const one of answer.citations) cited.set(one.marker, [...(cited.get(one.marker) || []), one]);
    for (const piece of answer.marked.split(/(\[\d+\])/)) {
      const marker = /^\[(\d+)\]$/.exec(piece)?.[1];
      text.append(cited.has(Number(marker)) ? make("button", { type: "button", class: "marker", text: piece, onclick: () => reveal(sources, marker) }) : piece);
    }
    into.append(text);
    if (answer.options.length) into.append(make("p", { class: "options" }, ...answer.options.map((option) => make("button", { type: "button", text: option, onclick: () => ask(option) }))));
    if (turn.stopped) into.append(make("p", { class: "stage", text: say.stopped }));
    if (!cited.size) return;
    for (const [marker, all] of [...cited].sort(([a], [b]) => a - b)) sources.append(source(marker, all, turn.knowledge_base));
    into.append(make("p", { class: "stage", text: fill(say.sure, { confidence: answer.confidence.toFixed(2) }) }), sources);
  }

  function source(marker, all, kb) {
    const [first] = all, [start, end] = first.document_span;
    const where = new URLSearchParams({ kb, id: first.document_id, start, end, quote: first.quote });
    const quotes = [...new Set(all.map((one) => one.quote))].map((quote) => make("q", { text: quote }));
    return make("div", { class: "source", "data-marker": marker, tabindex: "-1" }, make("strong", { text: `${marker} ${first.heading}` }), ...quotes,
      make("a", { href: `${base}document?${where}`, target: "_blank", rel: "noopener", text: `${say.open_document} ↗` }));
  }

  function reveal(sources, marker) {
    sources.open = true;
    const found = sources.querySelector(`[data-marker="${marker}"]`);
    found.scrollIntoView({ block: "nearest" });
    found.focus();
  }

  function icon() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", width: 24, height: 24, fill: "none", stroke: "currentColor", "stroke-width": 1.8, "aria-hidden": true })) svg.setAttribute(name, value);
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", "M4 5h16v11H10l-4 4v-4H4z");
    svg.append(path);
    return svg;
  }

  function style() {
    const dark = "--ground:#1b1f21;--side:#15181a;--line:#32383b;--ink:#e8e9e6;--quiet:#a5acb0;--accent:#63c6be;--on:#08211f;--tint:#1d3331;--warn:#f0a580;color-scheme:dark;";
    return `
:host { all: initial; }
.all { --ground:#fff;--side:#f5f5f2;--line:#dfdfd9;--ink:#1c1f21;--quiet:#595e63;--accent:#0a6868;--on:#fff;--tint:#e6f1f0;--warn:#8a3b12;color-scheme:light;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Noto Sans CJK SC", sans-serif; color: var(--ink); }
@media (prefers-color-scheme: dark) { .all.auto { ${dark} } }
.all.dark { ${dark} }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; }
button { cursor: pointer; }
:is(button, textarea, a, summary, .log, .source):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; border-radius: 6px; }
.opener { position: fixed; right: 20px; bottom: 20px; width: 52px; height: 52px; border-radius: 50%; background: var(--accent); color: var(--on); box-shadow: 0 2px 10px #0004; z-index: 2147483000; display: grid; place-items: center; }
.opener:focus-visible { border-radius: 50%; outline-offset: 3px; }
#panel { position: fixed; right: 20px; bottom: 84px; width: 372px; height: min(560px, calc(100vh - 104px)); display: grid; grid-template-rows: auto minmax(0, 1fr) auto;
  background: var(--ground); border: 1px solid var(--line); border-radius: 12px; box-shadow: 0 6px 28px #0003; overflow: hidden; z-index: 2147483000; }
@media (max-width: 480px) { #panel { right: 0; left: 0; bottom: 0; width: auto; height: 100vh; height: 100dvh; border: 0; border-radius: 0; } #panel:not([hidden]) ~ .opener { display: none; } }
header { display: flex; align-items: center; gap: 2px; padding: 8px 8px 8px 14px; background: var(--side); border-bottom: 1px solid var(--line); }
h2 { flex: 1; margin: 0; font-size: 15px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.icon { width: 32px; height: 32px; color: var(--quiet); border-radius: 6px; }
.icon:hover { background: var(--tint); color: var(--accent); }
.log { overflow-y: auto; padding: 12px 14px; scrollbar-width: thin; }
.log p { margin: 0 0 6px; overflow-wrap: anywhere; }
.hello { color: var(--quiet); }
.turn { margin-top: 12px; }
.said { width: fit-content; max-width: 85%; margin-left: auto !important; padding: 6px 10px; background: var(--tint); border-radius: 10px; white-space: pre-wrap; }
.answer { white-space: pre-wrap; }
.answer:empty { display: none; }
.stage { color: var(--quiet); font-size: 13px; }
.failed { color: var(--warn); }
.marker { color: var(--accent); font-size: 12px; padding: 0 1px; vertical-align: 2px; }
.options { display: flex; flex-wrap: wrap; gap: 6px; }
.options button { border: 1px solid var(--line); border-radius: 8px; padding: 4px 10px; }
.options button:hover { border-color: var(--accent); color: var(--accent); }
.sources { font-size: 13px; }
.sources summary { color: var(--accent); cursor: pointer; }
.source { display: grid; gap: 2px; margin: 6px 0; padding: 6px 8px; border: 1px solid var(--line); border-radius: 8px; overflow-wrap: anywhere; }
.source strong { font-weight: 600; }
.source q { color: var(--quiet); }
.source a { color: var(--accent); }
form { display: flex; align-items: end; gap: 6px; padding: 10px; border-top: 1px solid var(--line); }
textarea { flex: 1; resize: none; padding: 7px 10px; border: 1px solid var(--quiet); border-radius: 8px; background: var(--ground); box-sizing: border-box; line-height: 1.4; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
.send { width: 36px; height: 36px; border-radius: 8px; background: var(--accent); color: var(--on); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (prefers-reduced-motion: no-preference) { .stage { transition: color .2s; } }`;
  }
})();
