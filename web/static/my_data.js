// What is kept of a person, in the viewer: downloaded, or deleted. Joined to chat.js before it; drawn by my_data.py.

const KEPT = "api/v1/me/data";
const SAVED_MILLISECONDS = 60000; // until the browser has surely written the file

function showMyData(button) {
  document.body.classList.remove("menu-open");
  showPage("my-data", button.textContent.trim());
}

function sayOfData(message) {
  const place = find("#my-data [role=alert]");
  place.textContent = message;
  place.hidden = false;
}

// Not a plain link: where memory is down a sentence says so, instead of a download that fails.
async function downloadData() {
  const reply = await fetch(KEPT).catch(() => null);
  if (!reply?.ok) return sayOfData(find("#my-data").dataset.trouble);
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await reply.blob()) });
  link.download = "colloquy-my-data.json";
  link.click();
  return setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MILLISECONDS);
}

function askDeleteData(isAsking) {
  find("#my-data .first").hidden = isAsking;
  find("#my-data .confirm").hidden = !isAsking;
  find(isAsking ? '#my-data [data-do="keep-data"]' : '#my-data [data-do="ask-delete-data"]').focus();
}

// Afterwards the page is that of somebody who has never been here.
async function deleteData(button) {
  button.disabled = true;
  const reply = await fetch(KEPT, { method: "DELETE" }).catch(() => null);
  button.disabled = false;
  if (!reply?.ok) return sayOfData(find("#my-data").dataset.trouble);
  find("#viewer").close();
  clearSearch();
  sendWhenFree = false;
  setAsking(false);
  showFiles("");
  return toast(button.dataset.deleted);
}
