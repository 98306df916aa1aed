// The keyboard. Shortcuts carry a modifier, so that nothing happens while somebody types (WCAG 2.1.4); the lone ? works
// outside of text only. Joined to chat.js before it.

const DRAWER_MILLISECONDS = 60; // what is not drawn yet cannot be focused

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

const SHORTCUTS = {
  "mod+k": () => searchConversations(),
  "mod+shift+o": () => showConversation(""),
  "mod+/": () => showHelp(),
  "shift+escape": () => find("#message").focus(),
};

function searchConversations() {
  const isHidden = getComputedStyle(find("#sidebar")).visibility === "hidden"; // the drawer of a phone
  if (isHidden) document.body.classList.add("menu-open");
  setTimeout(() => (find("#filter") || find("#sidebar .new")).focus(), isHidden ? DRAWER_MILLISECONDS : 0);
}

function showHelp() {
  const help = find("#help");
  if (help.open) return;
  if (isMac) findAll("kbd", help).forEach((key) => { if (key.textContent === "Ctrl") key.textContent = "⌘"; });
  help.showModal();
}

const isTyping = (element) => element.matches?.("input, textarea, select, [contenteditable]") ?? false;

// True when the key was a shortcut.
function takeShortcut(event) {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const parts = [mod && "mod", event.shiftKey && "shift", event.key.toLowerCase()].filter(Boolean);
  const action = SHORTCUTS[parts.join("+")] || (mod && event.key === "?" && SHORTCUTS["mod+/"]); // where / needs Shift
  if (action && !event.altKey) {
    event.preventDefault();
    action();
    return true;
  }
  if (event.key !== "?" || mod || event.altKey || isTyping(event.target)) return false;
  showHelp();
  return true;
}
