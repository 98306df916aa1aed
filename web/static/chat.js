// The page's behaviour. Gradio calls this once with `trigger`, which carries an event to chat_page.py; everything
// that comes back is HTML drawn there. Listeners sit on the document because Gradio redraws what is inside.

const WORKING = '#live [data-state="working"]';
const FOLLOW_PIXELS = 80; // nearer to the end than this, the view follows the answer as it grows

const ALIVE_MILLISECONDS = 3000; // how often to ask whether the server is there while it owes an answer
const SETTLE_MILLISECONDS = 700; // the last redraw comes a little after Gradio says that it is done

let asking = false; // a question was sent and nothing has come back yet
let asked = 0; // questions sent so far, and those of them that Gradio says are over
let over = 0;
let sendWhenFree = false; // Enter was pressed while the answer before was being stopped
let removing = null; // the conversation whose deletion was asked for
let lastMessage = "";
let announced = "";
let following = true;
let shownConversation = null;

// ---- where we are ------------------------------------------------------------------------------------------------

const currentConversation = () => new URLSearchParams(location.search).get("c") || "";
const isWorking = () => asking || find(WORKING) !== null;

function knowledgeBase() {
  const element = find("#knowledge-base");
  return element ? element.value || element.dataset.value || "" : "";
}

function goTo(conversation) {
  const url = new URL(location.href);
  if (conversation) url.searchParams.set("c", conversation);
  else url.searchParams.delete("c");
  for (const name of ["t", "m"]) url.searchParams.delete(name);
  if (url.href !== location.href) history.pushState(null, "", url);
}

function showConversation(conversation) {
  document.body.classList.remove("menu-open");
  goTo(conversation);
  chosenTurn = null;
  following = true;
  setAsking(false);
  trigger("open", { conversation, knowledge_base: knowledgeBase() });
  find("#message")?.focus();
}

// ---- asking and stopping -----------------------------------------------------------------------------------------

function setAsking(value) {
  asking = value;
  document.body.classList.toggle("asking", value);
}

// The answer before becomes part of what was said; the server sends all of it anew, unless memory is down.
function keepLastTurn() {
  const said = find("#transcript .turns");
  const live = find("#live");
  if (said && !live.hidden) said.append(...findAll(".turn", live));
}

// `more` says whether the question takes the place of a turn (`replaces`), or begins a branch (`branch_of`, `before`).
function ask(message, more = {}) {
  if (!message.trim() || isWorking() || awaitedBase) return false;
  if (!currentConversation() || more.branch_of) goTo(newId());
  if (!more.replaces && !more.branch_of) keepLastTurn();
  asked += 1;
  lastMessage = message;
  chosenTurn = null;
  following = true;
  setAsking(true);
  trigger("ask", { message, conversation: currentConversation(), knowledge_base: knowledgeBase(), ...more });
  return true;
}

function submit() {
  const box = find("#message");
  if (document.body.classList.contains("stopping") || awaitedBase) sendWhenFree = true;
  if (!ask(box.value)) return;
  box.value = "";
  fitBox();
}

function stop() {
  if (!isWorking()) return;
  document.body.classList.add("stopping"); // and asked again after the next redraw, should the turn only just begin
  trigger("stop", {});
}

function putInBox(text) {
  const box = find("#message");
  box.value = text;
  fitBox();
  box.focus();
}

// ---- clicks ------------------------------------------------------------------------------------------------------

const ACTIONS = {
  new: () => showConversation(""),
  stop,
  menu: () => { document.body.classList.toggle("menu-open"); find("#sidebar .new")?.focus(); },
  "close-menu": () => { document.body.classList.remove("menu-open"); find('[data-do="menu"]')?.focus(); },
  "close-viewer": () => find("#viewer").close(),
  help: showHelp,
  "close-help": () => find("#help").close(),
  "my-data": showMyData,
  "download-data": downloadData,
  "ask-delete-data": () => askDeleteData(true),
  "keep-data": () => askDeleteData(false),
  "delete-data": deleteData,
  dark: () => setMode(document.documentElement.dataset.mode === "dark" ? "light" : "dark"),
  language: (button) => {
    document.cookie = `colloquy_language=${button.dataset.language};path=/;max-age=31536000;samesite=lax`;
    location.reload();
  },
};

function remove(button) {
  if (!isSureToRemove(button)) return;
  const conversation = currentConversation();
  trigger("remove", { remove: button.dataset.remove, conversation, knowledge_base: knowledgeBase() });
  removing = button.dataset.remove;
}

function sendTitle(conversation, title) {
  trigger("arrange", { rename: conversation, title, conversation: currentConversation() });
}

function pin(button) {
  const { pin: pinned = "", unpin: unpinned = "" } = button.dataset;
  trigger("arrange", { pin: pinned, unpin: unpinned, conversation: currentConversation() });
}

function questionOf(element) {
  const turn = element.closest(".turn");
  return turn.dataset.state === "failed" && lastMessage ? lastMessage : find(".said", turn).textContent;
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a.open");
  if (event.target.matches("dialog")) return event.target.close(); // beside its page
  if (event.target.matches("#scroll") || !event.target.closest("#sidebar, [data-do]")) document.body.classList.remove("menu-open");
  if (!event.target.closest("#sidebar li")) openMenu(null);
  findAll(".others[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  if (!target) return undefined;
  if (target.matches("a.open")) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return undefined;
    event.preventDefault();
    return openDocument(target);
  }
  if (target.dataset.do) return ACTIONS[target.dataset.do](target);
  if (target.matches(".cite")) return showSource(target);
  if (target.matches(".choice")) return ask(target.dataset.say || target.textContent);
  if (target.dataset.open !== undefined) return showConversation(target.dataset.open);
  if (target.dataset.more !== undefined) return openMenu(target);
  if (target.dataset.rename !== undefined) return rename(target, sendTitle);
  if (target.dataset.pin !== undefined || target.dataset.unpin !== undefined) return pin(target);
  if (target.dataset.removeFile !== undefined) return removeFile(target);
  if (target.dataset.citeLink !== undefined) return copyLink(target, citationLink(target));
  if (target.dataset.remove !== undefined) return remove(target);
  if (target.dataset.copy !== undefined) return copy(target);
  if (target.dataset.askAgain !== undefined) return ask(questionOf(target));
  return actOnTurn(target);
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.id === "composer") submit();
  else submitTurnForm(event.target);
});

document.addEventListener("keydown", (event) => {
  if (takeShortcut(event)) return;
  if (event.key === "Escape") {
    if (find("dialog[open]")) return; // it closes itself
    if (event.target.id === "filter" && event.target.value) return void clearSearch();
    if (giveUpForm(event.target) || closeTurnMenu() || closeMenu()) return;
    if (document.body.classList.contains("menu-open")) ACTIONS["close-menu"]();
    else stop();
  }
  // While an input method is composing, Enter accepts a word; it does not send.
  if (event.key === "Enter" && event.target.id === "message" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "message") fitBox();
  if (event.target.id === "filter") search();
});
document.addEventListener("change", (event) => {
  if (event.target.id === "file") addFile(event.target);
  if (event.target.id === "knowledge-base" && !currentConversation()) showConversation("");
  if (event.target.id === "import") importConversation(event.target, showConversation);
});
document.addEventListener("mouseover", (event) => light(event.target));
document.addEventListener("focusin", (event) => light(event.target));
window.addEventListener("popstate", () => {
  chosenTurn = null;
  trigger("open", { conversation: currentConversation(), knowledge_base: knowledgeBase() });
});

// ---- after every redrawing ---------------------------------------------------------------------------------------

function announce() {
  const live = newestTurn();
  const place = find("#announcer");
  if (!place || !live || !live.closest("#live")) return;
  const state = live.dataset.state;
  const text = state === "working" ? find(".progress", live)?.textContent : find(".answer", live)?.textContent;
  if (text && text !== announced) place.textContent = announced = text;
}

function followKnowledgeBase() {
  const turns = find("#transcript .turns");
  if (!turns || turns.dataset.conversation === shownConversation) return;
  shownConversation = turns.dataset.conversation;
  const picker = find("select#knowledge-base");
  if (picker && turns.dataset.knowledgeBase) picker.value = turns.dataset.knowledgeBase;
}

function takeBackRejected() {
  const rejected = find('#live [data-state="rejected"]:not([data-taken])');
  if (!rejected) return;
  rejected.dataset.taken = "yes";
  if (!find("#message").value && lastMessage) putInBox(lastMessage);
}

function afterLiveRedraw() {
  if (find("#live .turn")) setAsking(false);
  if (find(WORKING)) {
    if (document.body.classList.contains("stopping")) trigger("stop", {});
    return;
  }
  document.body.classList.remove("stopping");
  sendIfWaiting();
}

function sendIfWaiting() {
  if (!sendWhenFree) return;
  sendWhenFree = false;
  submit();
}

function leaveRemoved() {
  if (removing === null || removing !== currentConversation() || !find("#transcript .welcome")) return;
  removing = null;
  goTo("");
}

function afterRedraw() {
  leaveRemoved();
  if (filesHaveCome()) sendIfWaiting();
  const live = find("#live");
  const turns = find(".turns", live);
  const elsewhere = turns !== null && turns.dataset.conversation !== currentConversation();
  live.hidden = elsewhere;
  find("#found").hidden = elsewhere;
  document.documentElement.lang = find("#header [data-language]")?.dataset.language === "en" ? "zh" : "en";
  followKnowledgeBase();
  takeBackRejected();
  fillPanel();
  showFollowUps();
  announce();
  filterConversations();
  nameThePage();
  followLink();
  if (following) find("#scroll").scrollTop = find("#scroll").scrollHeight;
}

let planned = false;
const observer = new MutationObserver((changes) => {
  if (changes.some((change) => find("#live").contains(change.target))) afterLiveRedraw();
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => { planned = false; afterRedraw(); });
});
// Called when Gradio reports the end of a question, and when the server no longer answers.
function settle() {
  over = asked;
  setAsking(false);
  document.body.classList.remove("stopping");
  const left = find(WORKING);
  if (!left) return;
  left.dataset.state = "failed";
  find(".progress", left).textContent = find("#announcer").dataset.interrupted;
  if (!find("#message").value) putInBox(lastMessage);
}
window.colloquySettled = () => {
  over += 1;
  setTimeout(() => { if (over >= asked) settle(); }, SETTLE_MILLISECONDS); // else the next question is on its way
};
setInterval(() => { if (isWorking()) fetch("favicon.ico", { cache: "no-store" }).catch(settle); }, ALIVE_MILLISECONDS);

// Gradio puts its parts into the page one by one, in no order that could be relied on.
function start() {
  const watched = ["scroll", "sidebar", "header"].map((name) => document.getElementById(name));
  const needed = ["#transcript", "#live", "#found", "#message", "#panel-cards"].map((name) => find(name));
  if ([...watched, ...needed].includes(null)) return void requestAnimationFrame(start);
  for (const part of watched) observer.observe(part, { childList: true, subtree: true, characterData: true });
  watched[0].addEventListener("scroll", ({ target }) => {
    following = target.scrollHeight - target.scrollTop - target.clientHeight < FOLLOW_PIXELS;
  });
  find("#message").focus();
  afterRedraw();
}

applyMode(document.documentElement.dataset.mode || "light");
start();
