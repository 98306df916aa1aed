// Sources: the panel beside the conversation, the marks that light up, and the document viewer. Joined to chat.js,
// which uses these functions; see chat_page.py.

let opened = 0; // documents and explanations opened so far
let chosenTurn = null; // the turn whose sources the panel shows; null means the newest

// ---- the panel -----------------------------------------------------------------------------------------------------

const panelIsShown = () => find("#panel-cards")?.offsetParent != null; // on narrow screens it has no box

function newestTurn() {
  const live = find("#live");
  return (live && !live.hidden && findAll(".turn", live).pop()) || findAll("#transcript .turn").pop() || null;
}

function activeTurn() {
  return chosenTurn && chosenTurn.isConnected ? chosenTurn : newestTurn();
}

function sourcesOf(turn) {
  if (!turn) return null;
  return find("details.sources", turn) || (turn.dataset.state === "working" ? find("#found details.sources") : null);
}

function fillPanel() {
  const cards = find("#panel-cards");
  if (!cards) return;
  const sources = sourcesOf(activeTurn());
  const html = sources ? sources.innerHTML.replace(/<summary>[^]*?<\/summary>/, "") : "";
  if (cards.dataset.shown === html) return;
  cards.dataset.shown = html;
  cards.innerHTML = html;
  findAll(".passage", cards).forEach(bringMarkIntoView);
}

function bringMarkIntoView(passage) {
  const mark = find("mark", passage);
  if (mark) passage.scrollTop = mark.offsetTop - passage.offsetTop - 24;
}

function chooseTurn(turn) {
  chosenTurn = turn;
  findAll(".turn").forEach((other) => other.classList.toggle("chosen", other === turn && turn !== newestTurn()));
  fillPanel();
}

function showSource(button) {
  const turn = button.closest(".turn");
  chooseTurn(turn);
  const place = panelIsShown() ? find("#panel-cards") : sourcesOf(turn);
  if (!place) return;
  if (place.tagName === "DETAILS") place.open = true;
  const card = find(`[data-marker~="${CSS.escape(button.dataset.show)}"]`, place);
  if (!card) return;
  bringMarkIntoView(find(".passage", card));
  card.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  card.focus({ preventScroll: true });
  findAll(".card.lit").forEach((other) => other.classList.remove("lit"));
  card.classList.add("lit");
  setTimeout(() => card.classList.remove("lit"), 2500);
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function light(origin) {
  findAll(".lit[data-citation]").forEach((element) => element.classList.remove("lit"));
  const holder = origin?.closest("[data-citation]");
  if (!holder) return;
  const inPanel = holder.closest("#panel") !== null;
  const turn = inPanel ? activeTurn() : holder.closest(".turn");
  const places = [turn, inPanel || turn === activeTurn() ? find("#panel-cards") : null].filter(Boolean);
  for (const key of holder.dataset.citation.split(" ")) {
    for (const place of places) {
      findAll(`[data-citation~="${CSS.escape(key)}"]`, place).forEach((element) => element.classList.add("lit"));
    }
  }
}

// ---- the document viewer -----------------------------------------------------------------------------------------

// Shows a page in the dialog: at once that it is on its way, for an explanation takes its time.
const openDocument = (link) => showPage(`${link.href}&part=1`, link.textContent.trim());

async function showPage(address, name) {
  const viewer = find("#viewer");
  const place = find(".page", viewer);
  viewer.setAttribute("aria-label", name);
  place.textContent = place.dataset.working;
  viewer.showModal();
  opened += 1;
  const mine = opened;
  let html = null;
  try {
    html = await (await fetch(address)).text();
  } catch { /* said below */ }
  if (mine !== opened) return; // another one was opened meanwhile
  if (html === null) place.textContent = find("#announcer").dataset.interrupted;
  else place.innerHTML = html;
  const mark = find("mark", place);
  if (mark) mark.scrollIntoView({ block: "center" });
  else place.scrollTop = 0;
}
