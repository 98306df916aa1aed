// Runs before anything is drawn: dark or light without a flash, and the clock that "Today" is counted by.
(() => {
  let saved = null;
  try { saved = localStorage.getItem("colloquy_mode"); } catch { /* storage is blocked: follow the system */ }
  const dark = saved ? saved === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.mode = dark ? "dark" : "light";
  document.cookie = `colloquy_zone=${-new Date().getTimezoneOffset()};path=/;max-age=31536000;samesite=lax`;
})();
