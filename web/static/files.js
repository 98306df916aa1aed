// Files of one's own: sent with their progress, then asked about. Joined to chat.js before it.

const LONGEST_WAIT_MILLISECONDS = 2000; // a file that replaces another changes nothing that could be waited for

// XMLHttpRequest, because fetch does not say how much of a body has been sent.
function sendFile(file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `upload?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 1));
    request.upload.addEventListener("load", () => progress(1));
    request.addEventListener("load", () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* a proxy's page */ }
      resolve({ ok: request.status === 200, message: said.message || said.detail || `${request.status}`, base: said.knowledge_base });
    });
    request.addEventListener("error", reject);
    request.send(file);
  });
}

async function addFile(input) {
  const file = input.files[0];
  input.value = "";
  if (!file) return;
  const place = find("#sending");
  const bar = find("progress", place);
  const say = (words) => {
    const text = words.replace("{name}", file.name);
    if (find("span", place).textContent !== text) find("span", place).textContent = find("#announcer").textContent = text;
  };
  find("#toast").hidden = true;
  place.hidden = false;
  say(input.dataset.sending);
  try {
    const reply = await sendFile(file, (share) => {
      if (share < 1) bar.value = share;
      else bar.removeAttribute("value"); // it is being read now, and nobody knows for how long
      say(share < 1 ? input.dataset.sending : input.dataset.reading);
    });
    toast(reply.message, !reply.ok);
    if (reply.ok) awaitFiles(reply.base);
  } catch {
    toast(find("#announcer").dataset.interrupted, true);
  }
  place.hidden = true;
}

let awaitedBase = ""; // files were added, and the page does not show them yet: a question must wait for them

function awaitFiles(base) {
  awaitedBase = base;
  setTimeout(() => { awaitedBase = ""; sendIfWaiting(); }, LONGEST_WAIT_MILLISECONDS);
  showFiles(base);
}

// True once, when the files that were waited for are shown.
function filesHaveCome() {
  if (!awaitedBase || find("#transcript .turns")?.dataset.knowledgeBase !== awaitedBase) return false;
  if (knowledgeBase() !== awaitedBase) return false;
  awaitedBase = "";
  return true;
}

// A new chat about one's own files; asked of the first knowledge base again when the last file has gone.
function showFiles(base) {
  goTo("");
  chosenTurn = null;
  trigger("added", { knowledge_base: base });
  find("#message").focus();
}

async function removeFile(button) {
  if (!isSureToRemove(button)) return;
  const reply = await fetch(`upload?id=${encodeURIComponent(button.dataset.removeFile)}`, { method: "DELETE" }).catch(() => null);
  const said = await reply?.json().catch(() => ({}));
  if (said?.message) toast(said.message, true);
  showFiles(knowledgeBase());
}
