// Small things the page needs and that know nothing of conversations. Joined to the others, before them.

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
}

function fitBox() {
  const box = find("#message");
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 180)}px`;
}

function applyMode(mode) {
  document.documentElement.dataset.mode = mode;
  document.body.classList.toggle("dark", mode === "dark"); // for what Gradio itself draws
}

function setMode(mode) {
  applyMode(mode);
  try { localStorage.setItem("colloquy_mode", mode); } catch { /* storage is blocked: for this page only */ }
}

let toastTimer = 0;

// A line above the box that goes away by itself; screen readers say it.
function toast(message, isWarning = false) {
  const place = find("#toast");
  place.textContent = message;
  place.classList.toggle("warning", isWarning);
  place.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { place.hidden = true; }, isWarning ? 9000 : 4000);
}

async function copy(button) {
  const text = button.dataset.copy;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed outside https and localhost
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, 1500);
}
