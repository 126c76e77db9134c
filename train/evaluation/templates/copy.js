// Selects what is to be copied, too: where a browser forbids copying, the keys for it still work.
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    const said = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    button.parentElement.querySelector(".said").textContent = said;
  });
}
