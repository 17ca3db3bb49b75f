"use strict";
// Runs before everything else, so that whatever fails later is known and can be said.
window.tachoProblems = [];
window.addEventListener("error", (event) => {
  window.tachoProblems.push(String(event.message || event.type));
});
window.addEventListener("unhandledrejection", (event) => {
  window.tachoProblems.push(String(event.reason));
});
document.addEventListener("securitypolicyviolation", (event) => {
  window.tachoProblems.push(`refused by the page's policy: ${event.effectiveDirective} ${event.blockedURI}`);
});
window.addEventListener("load", () => {
  if (!window.tachoProblems.length) return;
  const notice = document.getElementById("problem");
  notice.hidden = false;
  notice.textContent = `Not all charts could be drawn (${window.tachoProblems[0]}). The figures and tables are whole.`;
});
