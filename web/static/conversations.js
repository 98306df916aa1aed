// The list of conversations: searching titles and texts, import, the menu behind ⋯, renaming and deleting. Joined to sources.js and
// chat.js; the list itself is drawn by frame.py. Functions take `send`, which carries an event to chat_page.py.

const SURE_MILLISECONDS = 4000; // how long "Delete?" waits for its second click

const SEARCH_MILLISECONDS = 250; // after the last letter typed

let wantedText = ""; // what is looked for; a redrawing of the list must not lose it
let found = { text: "", ids: [] }; // what the server found in titles, questions and answers, and for which text
let searchTimer = 0;

function search() {
  wantedText = find("#filter").value.trim();
  filterConversations();
  clearTimeout(searchTimer);
  if (wantedText) searchTimer = setTimeout(searchTexts, SEARCH_MILLISECONDS);
}

function clearSearch() {
  if (!find("#filter")) return; // there is nothing to search
  find("#filter").value = "";
  search();
}

async function searchTexts() {
  const text = wantedText;
  try {
    const reply = await fetch(`found?q=${encodeURIComponent(text)}`);
    if (reply.ok) found = { text, ids: await reply.json() };
  } catch { /* titles are searched all the same */ }
  filterConversations();
}

function filterConversations() {
  const box = find("#filter");
  if (!box) return;
  if (document.activeElement !== box && box.value.trim() !== wantedText) box.value = wantedText;
  const wanted = wantedText.toLowerCase();
  const ids = found.text === wantedText ? found.ids : [];
  const items = findAll("#sidebar li");
  items.forEach((item) => {
    const button = find(".conversation", item);
    item.hidden = Boolean(wanted && button) && !button.title.toLowerCase().includes(wanted) && !ids.includes(button.dataset.open);
  });
  findAll("#sidebar nav ul").forEach((list) => {
    list.hidden = list.previousElementSibling.hidden = findAll("li", list).every((item) => item.hidden);
  });
  find("#nothing-found").hidden = !(wanted && found.text === wantedText && items.every((item) => item.hidden));
}

async function importConversation(input, show) {
  const file = input.files[0];
  input.value = "";
  if (!file) return;
  try {
    const reply = await fetch("import", { method: "POST", headers: { "Content-Type": "application/json" }, body: file });
    const said = await reply.json().catch(() => ({}));
    toast(said.message || said.detail || String(reply.status), !reply.ok);
    if (reply.ok) show(said.conversation);
  } catch {
    toast(find("#announcer").dataset.interrupted, true);
  }
}

function nameThePage() {
  const open = find("#sidebar [aria-current]")?.title;
  const title = open ? `${open} · Colloquy` : "Colloquy";
  if (document.title !== title) document.title = title;
}

function openMenu(button) {
  const wanted = button && button.getAttribute("aria-expanded") === "false" ? button : null;
  findAll("#sidebar [data-more]").forEach((other) => {
    other.setAttribute("aria-expanded", String(other === wanted));
    find(".menu", other.parentElement).hidden = other !== wanted;
  });
  if (wanted) find(".menu", wanted.parentElement).scrollIntoView({ block: "nearest" });
}

function closeMenu() {
  const button = find('#sidebar [data-more][aria-expanded="true"]');
  openMenu(null);
  button?.focus();
  return button !== null;
}

// True once the deletion was confirmed by a second click.
function isSureToRemove(button) {
  if (button.classList.contains("sure")) return true;
  const before = button.textContent;
  button.classList.add("sure");
  button.textContent = button.dataset.confirm;
  setTimeout(() => { button.classList.remove("sure"); button.textContent = before; }, SURE_MILLISECONDS);
  return false;
}

// Puts a box in the place of the title. Enter or leaving it saves, Escape or nothing typed leaves all as it was.
function rename(button, send) {
  const item = button.closest("li");
  const title = find(".conversation", item);
  const box = Object.assign(document.createElement("input"), { value: title.title, maxLength: 120, enterKeyHint: "done" });
  box.className = "title";
  box.setAttribute("aria-label", button.textContent);
  let done = false;
  const finish = (save) => {
    if (done) return;
    done = true;
    const typed = box.value.trim();
    box.replaceWith(title);
    if (save && typed && typed !== title.title) {
      title.textContent = typed;
      send(button.dataset.rename, typed);
    }
    title.focus();
  };
  box.addEventListener("keydown", (event) => {
    event.stopPropagation(); // Escape here does not stop an answer
    if (event.isComposing) return;
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  });
  // A redrawing of the list takes the box away too; what was typed by then is not meant yet.
  box.addEventListener("blur", () => setTimeout(() => finish(box.isConnected)));
  openMenu(null);
  title.replaceWith(box);
  box.focus();
  box.select();
}
