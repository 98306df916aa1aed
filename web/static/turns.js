// What can be done with one turn: judge, ask again, edit into a branch, link, delete. Joined to chat.js before it; the
// buttons are drawn by turn_actions.py, and so are the forms, of which copies are put where they are needed.

const turnIn = (element) => element.closest(".turn");

async function judge(turn, judgement) {
  const body = JSON.stringify({ conversation: currentConversation(), turn: turn.dataset.turn, ...judgement });
  const headers = { "Content-Type": "application/json" };
  try {
    const reply = await fetch("feedback", { method: "POST", headers, body });
    const said = await reply.json();
    if (reply.ok) findAll(".verdict", turn).forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.verdict === judgement.verdict)));
    tell(turn, said.message, !reply.ok);
  } catch {
    tell(turn, find("#announcer").dataset.interrupted, true);
  }
}

// One line under the buttons of a turn, which screen readers say too.
function tell(turn, message, isWarning = false) {
  let line = find(".told", turn);
  if (!line) {
    line = Object.assign(document.createElement("p"), { className: "note told" });
    find(".actions", turn).after(line);
  }
  line.classList.toggle("warning", isWarning);
  line.textContent = find("#announcer").textContent = message;
}

function copyOfForm(name) {
  return find(`#${name}-form`).firstElementChild.cloneNode(true);
}

function closeForms() {
  findAll(".turn :is(form.reasons, form.editing)").forEach((form) => {
    const said = form.previousElementSibling;
    if (form.matches(".editing") && said) said.hidden = false;
    form.remove();
  });
}

function openReasons(turn) {
  closeForms();
  const form = copyOfForm("reasons");
  find(".actions", turn).after(form);
  find("input", form).focus({ preventScroll: true });
  form.scrollIntoView({ block: "nearest" });
}

function openEditing(turn) {
  closeForms();
  const form = copyOfForm("edit");
  const said = find(".said", turn);
  const box = find("textarea", form);
  box.value = said.textContent;
  said.after(form);
  said.hidden = true;
  box.rows = Math.min(8, Math.max(2, Math.ceil(box.value.length / 60)));
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}

// True when a form was open around `element` and has been closed.
function giveUpForm(element) {
  const form = element.closest?.("form.reasons, form.editing");
  if (!form) return false;
  const turn = turnIn(form);
  closeForms();
  find(form.matches(".editing") ? "[data-edit]" : '[data-verdict="down"]', turn)?.focus();
  return true;
}

// True when the menu behind a turn's ⋯ was open and has been closed.
function closeTurnMenu() {
  const menu = find(".others[open]");
  if (!menu) return false;
  menu.open = false;
  find("summary", menu).focus();
  return true;
}

function submitTurnForm(form) {
  const turn = turnIn(form);
  const typed = new FormData(form);
  if (form.matches(".reasons")) {
    closeForms();
    judge(turn, { verdict: "down", reason: typed.get("reason") || "", comment: typed.get("comment") });
  } else if (form.matches(".editing")) {
    const edited = typed.get("question").trim();
    const more = { branch_of: currentConversation(), before: turn.dataset.turn };
    if (edited && !isWorking()) {
      closeForms();
      ask(edited, more);
    }
  }
}

function actOnTurn(button) {
  const turn = turnIn(button);
  if (!turn) return;
  if (button.dataset.verdict) {
    if (button.dataset.verdict === "down") openReasons(turn);
    else closeForms();
    judge(turn, { verdict: button.dataset.verdict });
  }
  if (button.dataset.giveUp !== undefined) giveUpForm(button);
  if (button.dataset.edit !== undefined) openEditing(turn);
  if (button.dataset.retry !== undefined) ask(questionOf(button), { replaces: turn.dataset.turn });
  if (button.dataset.link !== undefined) copyLink(button, button.dataset.link);
  if (button.dataset.deleteTurn !== undefined && isSureToRemove(button)) {
    removing = currentConversation(); // left when this was its last turn
    trigger("forget", { turn: turn.dataset.turn, conversation: currentConversation(), knowledge_base: knowledgeBase() });
  }
}

// ---- links: ?c=conversation&t=turn&m=marker opens there -----------------------------------------------------------

let linked = new URLSearchParams(location.search); // until it has been followed

function followLink() {
  const turn = linked?.get("t") && find(`#transcript .turn[data-turn="${CSS.escape(linked.get("t"))}"]`);
  if (!turn) return;
  const cite = linked.get("m") && find(`.cite[data-show="${CSS.escape(linked.get("m"))}"]`, turn);
  linked = null;
  following = false;
  chooseTurn(turn);
  turn.scrollIntoView({ block: "start" });
  turn.classList.add("linked");
  if (cite) showSource(cite);
}

// Where a citation's link leads; `button` stands in a source card, in the panel or under its turn.
function citationLink(button) {
  const turn = turnIn(button) || activeTurn();
  const marker = button.closest(".card").dataset.marker.split(" ")[0];
  return `?${new URLSearchParams({ c: currentConversation(), t: turn.dataset.turn, m: marker })}`;
}

function copyLink(button, address) {
  button.dataset.copy = new URL(address, location.href).href;
  copy(button);
}

// ---- what could be asked next: fetched once a turn, after its answer, and put back after a redrawing ---------------

const followUps = new Map(); // turn id -> HTML; null while it is on its way

async function fetchFollowUps(turnId) {
  followUps.set(turnId, null);
  try {
    const reply = await fetch(`follow-ups?conversation=${encodeURIComponent(currentConversation())}`);
    followUps.set(turnId, reply.ok ? await reply.text() : "");
  } catch {
    followUps.set(turnId, "");
  }
  showFollowUps();
}

function showFollowUps() {
  const turn = isWorking() ? null : newestTurn();
  findAll(".follow-ups").forEach((old) => { if (!turn || !turn.contains(old)) old.remove(); });
  const turnId = turn?.dataset.turn;
  if (!turnId || find(".follow-ups", turn)) return;
  if (!followUps.has(turnId)) void fetchFollowUps(turnId);
  else if (followUps.get(turnId)) find(".actions", turn).insertAdjacentHTML("afterend", followUps.get(turnId));
}
